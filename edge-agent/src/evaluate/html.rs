//! The report as one HTML file that needs nothing else: the table, a time line a case, and a picture of every miss and
//! every false alarm.

use std::fmt::{self, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    case::{Case, Span},
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
    let mut out = head("Incident cases");
    write(&mut out, report, cases, alarms).expect("a string takes all");
    out.push_str("</html>\n");
    out
}

/// The beginning of a file, as far as its heading.
pub(crate) fn head(title: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{STYLE}</style><h1>{title}</h1>"
    )
}

fn write(out: &mut String, report: &Report, cases: &[Case], alarms: &[Vec<Alarm>]) -> fmt::Result {
    write!(
        out,
        "<p>F1 {:.3}, precision {:.3}, recall {:.3}: {} right, {} false, {} missed.</p><pre>{}</pre>",
        report.micro.f1,
        report.micro.precision,
        report.micro.recall,
        report.micro.tp,
        report.micro.fp,
        report.micro.fn_,
        escape(&table(report))
    )?;
    for ((of, found), alarms) in cases.iter().zip(&report.cases).zip(alarms) {
        case(out, of, found, alarms)?;
    }
    Ok(())
}

/// A case: its time line, and a picture of every miss and every false alarm.
///
/// # Errors
/// None, as long as `out` takes all.
pub(crate) fn case(
    out: &mut String,
    case: &Case,
    found: &CaseReport,
    alarms: &[Alarm],
) -> fmt::Result {
    write!(
        out,
        "<h2>{}</h2><p>{}</p>",
        escape(&case.name),
        escape(&case.title)
    )?;
    match &found.error {
        Some(error) => write!(out, "<p class=\"miss\">Not run: {}</p>", escape(error)),
        None => {
            time_line(out, case, found, alarms)?;
            shots(out, case, found, alarms)
        }
    }
}

/// A bar or a tick of a time line.
struct Mark<'a> {
    from_s: f64,
    to_s: f64,
    height: usize,
    colour: &'static str,
    note: &'a str,
}

/// Truth of a rule, what is ignored of it, and its alarms; what is drawn later lies on top.
fn marks<'a>(case: &'a Case, rule: &RuleReport, alarms: &[Alarm]) -> Vec<Mark<'a>> {
    let of_rule = |span: &&Span| span.rule == rule.id;
    let bar = |span: &'a Span, colour| Mark {
        from_s: span.start_s,
        to_s: span.end_s,
        height: 10,
        colour,
        note: &span.note,
    };
    let ignore = case.truth.ignore.iter().filter(of_rule);
    let mut marks: Vec<Mark<'a>> = ignore.clone().map(|span| bar(span, "#e3e6ea")).collect();
    for truth in case.truth.incidents.iter().filter(of_rule) {
        let missed = rule.score.missed.contains(truth);
        marks.push(bar(truth, if missed { "#e5877f" } else { "#9fb8cf" }));
    }
    for alarm in alarms.iter().filter(|alarm| alarm.rule == rule.id) {
        let at = alarm.capture_s;
        let ignored = ignore.clone().any(|s| s.start_s <= at && at <= s.end_s);
        let wrong = rule.score.false_alarms_s.contains(&at);
        marks.push(Mark {
            from_s: at,
            to_s: at,
            height: 17,
            colour: match (ignored, wrong) {
                (true, _) => "#8c959f",
                (_, true) => "#d98300",
                _ => "#1a7f37",
            },
            note: "alarm",
        });
    }
    marks
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
            "<text x=\"0\" y=\"{0}\">{1}</text><line x1=\"{LEFT}\" x2=\"{3}\" y1=\"{2}\" y2=\"{2}\" stroke=\"#d5dae0\"/>",
            y + 15,
            escape(&rule.id),
            y + ROW - 2,
            LEFT + WIDTH,
        )?;
        for mark in marks(case, rule, alarms) {
            let (from, to) = (x(mark.from_s), x(mark.to_s.min(found.duration_s)));
            write!(
                out,
                "<rect x=\"{from:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{}\" fill=\"{}\"><title>{} {:.2} s</title></rect>",
                y + ROW / 2 - mark.height / 2,
                (to - from).max(2.0),
                mark.height,
                mark.colour,
                escape(mark.note),
                mark.from_s,
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

/// As text of a page.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
