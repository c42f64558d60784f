//! The report as one HTML file that needs nothing else: the table, a time line a case, and a picture of every miss and
//! every false alarm.

use std::fmt::{self, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    case::Case,
    picture::{Wanted, pictures},
    report::{CaseReport, Report, RuleReport},
    run::Alarm,
    table::table,
};

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1b1f24;\
background:#fff}h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.5rem;border-top:1px solid #d5dae0;padding-top:1rem}\
pre{background:#f5f7f9;padding:1rem;overflow-x:auto;font-size:12.5px}svg{width:100%;height:auto}\
.shots{display:flex;flex-wrap:wrap;gap:.75rem}figure{margin:0;width:360px}figure img{width:100%;display:block;border-radius:4px}\
figcaption{font-size:13px}.miss{color:#b3261e;font-weight:600}.false{color:#9a5b00;font-weight:600}\
.key span{margin-right:1.2rem}small{color:#57606a}";

/// Height of one rule's row in a time line, and where rows begin.
const ROW: usize = 22;
const LEFT: f64 = 180.0;
const WIDTH: f64 = 820.0;

/// The whole file. `cases` and `alarms` belong to the report's cases, in their order.
pub(super) fn html(report: &Report, cases: &[Case], alarms: &[Vec<Alarm>]) -> String {
    let mut out = String::new();
    write(&mut out, report, cases, alarms).expect("a string takes all");
    out
}

fn write(out: &mut String, report: &Report, cases: &[Case], alarms: &[Vec<Alarm>]) -> fmt::Result {
    write!(
        out,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Incident cases</title><style>{STYLE}</style>\
         <h1>Incident cases</h1><p>F1 {:.3}, precision {:.3}, recall {:.3}: {} right, {} false, {} missed.</p><pre>{}</pre>",
        report.micro.f1,
        report.micro.precision,
        report.micro.recall,
        report.micro.tp,
        report.micro.fp,
        report.micro.fn_,
        escape(&table(report))
    )?;
    for ((case, found), alarms) in cases.iter().zip(&report.cases).zip(alarms) {
        write!(
            out,
            "<h2>{}</h2><p>{}</p>",
            escape(&case.name),
            escape(&case.title)
        )?;
        match &found.error {
            Some(error) => write!(out, "<p class=\"miss\">Not run: {}</p>", escape(error))?,
            None => {
                time_line(out, case, found, alarms)?;
                shots(out, case, found, alarms)?;
            }
        }
    }
    out.write_str("</html>\n")
}

/// Truth as bars, alarms as ticks, one row a rule.
fn time_line(out: &mut String, case: &Case, found: &CaseReport, alarms: &[Alarm]) -> fmt::Result {
    let rules: Vec<&RuleReport> = found.rules.iter().filter(|r| r.f1.is_some()).collect();
    if rules.is_empty() || found.duration_s <= 0.0 {
        return out.write_str("<p><small>No rule of this case is supported yet.</small></p>");
    }
    let x = |seconds: f64| LEFT + seconds / found.duration_s * WIDTH;
    let height = (rules.len() + 1) * ROW;
    write!(
        out,
        "<p class=\"key\"><span style=\"color:#9fb8cf\">&#9646; truth</span><span style=\"color:#1a7f37\">| right</span>\
         <span class=\"false\">| false alarm</span><span class=\"miss\">&#9646; missed</span>\
         <span style=\"color:#8c959f\">&#9646; ignored</span></p><svg viewBox=\"0 0 1020 {height}\" font-size=\"12\">"
    )?;
    for (i, rule) in rules.iter().enumerate() {
        let y = i * ROW;
        write!(
            out,
            "<text x=\"0\" y=\"{}\">{}</text><line x1=\"{LEFT}\" x2=\"{}\" y1=\"{}\" y2=\"{}\" stroke=\"#d5dae0\"/>",
            y + 15,
            escape(&rule.id),
            LEFT + WIDTH,
            y + ROW - 2,
            y + ROW - 2
        )?;
        let mut bar = |start: f64, end: f64, colour: &str, note: &str| {
            let end = end.min(found.duration_s);
            write!(
                out,
                "<rect x=\"{:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" fill=\"{colour}\"><title>{} {start:.2} s</title></rect>",
                x(start),
                y + 6,
                (x(end) - x(start)).max(3.0),
                ROW - 12,
                escape(note)
            )
        };
        for ignored in case.truth.ignore.iter().filter(|s| s.rule == rule.id) {
            bar(ignored.start_s, ignored.end_s, "#e3e6ea", &ignored.note)?;
        }
        for truth in case.truth.incidents.iter().filter(|s| s.rule == rule.id) {
            let missed = rule.score.missed.contains(truth);
            let colour = if missed { "#e5877f" } else { "#9fb8cf" };
            bar(truth.start_s, truth.end_s, colour, &truth.note)?;
        }
        for alarm in alarms.iter().filter(|alarm| alarm.rule == rule.id) {
            let at = alarm.capture_s;
            let ignored = (case.truth.ignore.iter())
                .any(|s| s.rule == rule.id && s.start_s <= at && at <= s.end_s);
            let wrong = rule.score.false_alarms_s.contains(&at);
            let colour = match (ignored, wrong) {
                (true, _) => "#8c959f",
                (_, true) => "#d98300",
                _ => "#1a7f37",
            };
            write!(
                out,
                "<rect x=\"{:.1}\" y=\"{}\" width=\"2\" height=\"{}\" fill=\"{colour}\"><title>{:.2} s</title></rect>",
                x(at),
                y + 2,
                ROW - 5,
                at
            )?;
        }
    }
    write!(
        out,
        "<text x=\"{LEFT}\" y=\"{0}\">0 s</text><text x=\"{1}\" y=\"{0}\" text-anchor=\"end\">{2:.0} s</text></svg>",
        height - 6,
        LEFT + WIDTH,
        found.duration_s
    )
}

/// A picture of every miss and every false alarm.
fn shots(out: &mut String, case: &Case, found: &CaseReport, alarms: &[Alarm]) -> fmt::Result {
    let mut wanted = Vec::new();
    let mut captions = Vec::new();
    for rule in &found.rules {
        for missed in &rule.score.missed {
            captions.push(format!(
                "<span class=\"miss\">missed</span> {} at {:.2} s <small>{}</small>",
                escape(&rule.id),
                missed.start_s,
                escape(&missed.note)
            ));
            wanted.push(Wanted {
                at_s: missed.start_s,
                boxes: Vec::new(),
            });
        }
        for at_s in &rule.score.false_alarms_s {
            let alarm = (alarms.iter()).find(|a| a.rule == rule.id && a.capture_s == *at_s);
            captions.push(format!(
                "<span class=\"false\">false alarm</span> {} at {at_s:.2} s <small>confidence {:.2}</small>",
                escape(&rule.id),
                alarm.map_or(0.0, |a| a.confidence)
            ));
            wanted.push(Wanted {
                at_s: *at_s,
                boxes: alarm.map(|a| a.boxes.clone()).unwrap_or_default(),
            });
        }
    }
    if wanted.is_empty() {
        return Ok(());
    }
    out.write_str("<div class=\"shots\">")?;
    for (jpeg, caption) in pictures(&case.clip, &wanted).iter().zip(captions) {
        let image = match jpeg {
            Some(jpeg) => format!(
                "<img alt=\"\" src=\"data:image/jpeg;base64,{}\">",
                STANDARD.encode(jpeg)
            ),
            None => String::new(),
        };
        write!(
            out,
            "<figure>{image}<figcaption>{caption}</figcaption></figure>"
        )?;
    }
    out.write_str("</div>")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
