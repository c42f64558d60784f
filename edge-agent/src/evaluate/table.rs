//! The report as a table for a terminal.

use std::fmt::{self, Write};

use super::report::{Report, RuleReport};

/// The whole table, with a line feed at its end.
pub(super) fn table(report: &Report) -> String {
    let mut text = String::new();
    write(&mut text, report).expect("a string takes all");
    text
}

fn write(out: &mut String, report: &Report) -> fmt::Result {
    writeln!(
        out,
        "{:<30} {:<18} {:>5} {:>6} {:>4} {:>4} {:>4} {:>6} {:>7} {:>8}",
        "case / rule", "kind", "truth", "alarms", "tp", "fp", "fn", "f1", "delay", "false/h"
    )?;
    for case in &report.cases {
        let f1 = number(case.f1, 3);
        writeln!(
            out,
            "{:<30} {:<18} {:>5} {:>6} {:>4} {:>4} {:>4} {f1:>6}",
            case.name,
            format!("{:.0} s, {} frames", case.duration_s, case.frames),
            "",
            "",
            "",
            "",
            ""
        )?;
        if case.looked < case.frames {
            writeln!(
                out,
                "  gate: {} of {} due frames looked at, {} pictures decoded",
                case.looked, case.frames, case.decoded
            )?;
        }
        if case.crops > 0 {
            writeln!(out, "  cascades: {} crops looked at", case.crops)?;
        }
        if case.looks > 0 {
            writeln!(out, "  looks: {} whole pictures looked at", case.looks)?;
        }
        if let Some(error) = &case.error {
            writeln!(out, "  not run: {error}")?;
        }
        for rule in &case.rules {
            write_rule(out, rule)?;
        }
    }
    writeln!(out)?;
    if report.by_kind.is_empty() {
        return writeln!(
            out,
            "nothing was scored: no rule of a supported kind could be run"
        );
    }
    let totals = report.by_kind.iter().map(|(k, t)| (k.as_str(), t));
    for (name, t) in totals.chain([("all", &report.micro)]) {
        writeln!(
            out,
            "{name:<16} precision {:.3}  recall {:.3}  F1 {:.3}  ({} right, {} false, {} missed)",
            t.precision, t.recall, t.f1, t.tp, t.fp, t.fn_
        )?;
    }
    match held_back(report) {
        Some((p95, most)) => writeln!(
            out,
            "gate: 95 of 100 alarms were held back by at most {p95:.2} s, all by at most {most:.2} s"
        ),
        None => Ok(()),
    }
}

/// 95th percentile and maximum over all alarms, in seconds; nothing where no gate left anything out.
fn held_back(report: &Report) -> Option<(f64, f64)> {
    let gated = report.cases.iter().any(|case| case.looked < case.frames);
    let cases = report.cases.iter().filter(|_| gated);
    let mut held: Vec<f64> = cases.flat_map(|case| case.held_back_s.clone()).collect();
    held.sort_by(f64::total_cmp);
    let p95 = held.get((held.len() * 95).div_ceil(100).saturating_sub(1))?;
    Some((*p95, *held.last()?))
}

fn write_rule(out: &mut String, rule: &RuleReport) -> fmt::Result {
    let name = format!("  {}", rule.id);
    if rule.f1.is_none() {
        let why = match rule.supported {
            true => "not run",
            false => "not supported",
        };
        let (kind, truth) = (&rule.kind, rule.truth);
        return writeln!(out, "{name:<30} {kind:<18} {truth:>5} {why}");
    }
    writeln!(
        out,
        "{name:<30} {:<18} {:>5} {:>6} {:>4} {:>4} {:>4} {:>6} {:>7} {:>8}",
        rule.kind,
        rule.truth,
        rule.alarms,
        rule.tp,
        rule.fp,
        rule.fn_,
        number(rule.f1, 3),
        number(rule.mean_delay_s, 2),
        number(rule.false_alarms_per_hour, 1),
    )
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |v| format!("{v:.digits$}"))
}
