//! What was found as one HTML file that needs nothing else.

use std::fmt::{self, Write};

use super::{
    args::Outcome,
    trial::{Choice, Trial},
};
use crate::evaluate::{
    html,
    report::{CaseReport, Report},
    run::{Alarm, CaseRun},
    score::Counts,
};

/// Side of the curve's square, and what is left around it for its labels.
const SIDE: f64 = 320.0;
const LEFT: f64 = 46.0;
const TOP: f64 = 10.0;

/// The whole file.
pub(super) fn page(outcome: &Outcome, trial: &Trial, found: &Choice) -> String {
    let mut out = html::head(&format!("Rule {}", outcome.rule));
    write(&mut out, outcome, trial, found).expect("a string takes all");
    out.push_str("</html>\n");
    out
}

fn write(out: &mut String, outcome: &Outcome, trial: &Trial, found: &Choice) -> fmt::Result {
    write!(out, "<pre>{}</pre>", html::escape(&outcome.to_string()))?;
    let counts = |choice: &Choice| {
        let all: Vec<usize> = (0..trial.cases.len()).collect();
        let counts = trial
            .counts(&all, std::slice::from_ref(choice))
            .pop()
            .flatten();
        counts.into_iter().flatten().sum::<Counts>()
    };
    curve(out, &trial.tried(), counts(&trial.now), counts(found))?;
    out.push_str("<h2>What is left with what was found</h2>");
    for (place, one) in trial.cases.iter().enumerate() {
        let alarms: Vec<Alarm> = trial.alarms(place, found).unwrap_or_default();
        let run = CaseRun {
            alarms: alarms.clone(),
            ..one.run.clone()
        };
        let mut case = one.case.clone();
        case.rules.retain(|rule| rule.id == trial.rule);
        let report = Report::new(vec![CaseReport::new(&case, Ok(&run))]);
        html::case(out, &case, &report.cases[0], &alarms)?;
    }
    Ok(())
}

/// Precision over recall: a dot for every set of values that was tried on all cases, and the line along the best of them.
fn curve(out: &mut String, tried: &[Counts], before: Counts, after: Counts) -> fmt::Result {
    let x = |counts: &Counts| LEFT + counts.recall() * SIDE;
    let y = |counts: &Counts| TOP + (1.0 - counts.precision()) * SIDE;
    let (right, bottom) = (LEFT + SIDE, TOP + SIDE);
    write!(
        out,
        "<h2>Precision and recall</h2><p class=\"key\"><span style=\"color:#8c959f\">&#9679; tried</span>\
         <span style=\"color:#3d5a80\">&#8212; the best of them</span><span class=\"miss\">&#9679; now</span>\
         <span style=\"color:#1a7f37\">&#9679; found</span></p>\
         <svg viewBox=\"0 0 {:.0} {:.0}\" style=\"max-width:34rem\" font-size=\"11\">\
         <rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"none\" stroke=\"#d5dae0\"/>",
        right + 16.0,
        bottom + 36.0
    )?;
    for tick in [0.0, 0.25, 0.5, 0.75, 1.0] {
        write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{tick}</text>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{tick}</text>",
            LEFT + tick * SIDE,
            bottom + 15.0,
            LEFT - 6.0,
            TOP + (1.0 - tick) * SIDE + 4.0
        )?;
    }
    write!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">recall</text>\
         <text transform=\"rotate(-90)\" x=\"{:.1}\" y=\"12\" text-anchor=\"middle\">precision</text>",
        LEFT + SIDE / 2.0,
        bottom + 31.0,
        -(TOP + SIDE / 2.0)
    )?;
    let mut dot = |counts: &Counts, radius: f64, colour: &str| {
        write!(
            out,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius}\" fill=\"{colour}\"><title>precision {:.3}, recall {:.3}</title></circle>",
            x(counts),
            y(counts),
            counts.precision(),
            counts.recall()
        )
    };
    for counts in tried {
        dot(counts, 2.5, "#8c959f")?;
    }
    dot(&before, 6.0, "#b3261e")?;
    dot(&after, 6.0, "#1a7f37")?;
    let line = best_of(tried)
        .iter()
        .map(|one| format!("{:.1},{:.1} ", x(one), y(one)))
        .collect::<String>();
    write!(
        out,
        "<polyline points=\"{line}\" fill=\"none\" stroke=\"#3d5a80\" stroke-width=\"1.5\"/></svg>"
    )
}

/// Those that no other beats in both precision and recall, by recall.
fn best_of(tried: &[Counts]) -> Vec<Counts> {
    let mut by_recall = tried.to_vec();
    by_recall.sort_by(|a, b| {
        let recall = b.recall().total_cmp(&a.recall());
        recall.then(b.precision().total_cmp(&a.precision()))
    });
    let mut best: Vec<Counts> = Vec::new();
    for one in by_recall {
        if best
            .last()
            .is_none_or(|last| one.precision() > last.precision())
        {
            best.push(one);
        }
    }
    best.reverse();
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_leads_along_what_nothing_beats() {
        let counts = |tp, fp, fn_| Counts { tp, fp, fn_ };
        let (cautious, keen, fair) = (counts(2, 0, 8), counts(9, 9, 1), counts(7, 2, 3));
        let beaten = counts(6, 4, 4);
        assert_eq!(
            best_of(&[beaten, keen, fair, cautious]),
            [cautious, fair, keen]
        );
    }
}
