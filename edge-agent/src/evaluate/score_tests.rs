//! Hand-made truths and alarms, written as text: `start..end` in seconds.

use std::fmt::Write as _;

use super::*;

fn spans(text: &str) -> Vec<Span> {
    text.split_whitespace()
        .map(|span| {
            let (start, end) = span.split_once("..").unwrap_or((span, span));
            Span {
                rule: "r".to_owned(),
                start_s: start.parse().expect("a number"),
                end_s: end.parse().expect("a number"),
                note: String::new(),
            }
        })
        .collect()
}

/// Scores with a tolerance of 1 s.
fn score(truth: &str, ignore: &str, alarms: &str) -> String {
    let truth = Truth {
        tolerance_s: 1.0,
        incidents: spans(truth),
        ignore: spans(ignore),
    };
    let alarms: Vec<f64> = (alarms.split_whitespace())
        .map(|a| a.parse().expect("a number"))
        .collect();
    let score = Score::new("r", &truth, &alarms);
    let counts = score.counts();
    assert_eq!(counts.tp + counts.fn_, score.truth);
    assert_eq!(counts.tp + counts.fp, score.alarms);
    let mut text = format!(
        "tp {} fp {} fn {} f1 {:.3}",
        counts.tp,
        counts.fp,
        counts.fn_,
        counts.f1()
    );
    if let Some(delay) = score.mean_delay_s() {
        write!(text, " delay {delay:.2}").expect("a string takes all");
    }
    for missed in &score.missed {
        write!(text, " missed {}", missed.start_s).expect("a string takes all");
    }
    for alarm in &score.false_alarms_s {
        write!(text, " false {alarm}").expect("a string takes all");
    }
    text
}

#[test]
fn an_alarm_belongs_to_a_truth_within_the_tolerance_on_either_side() {
    assert_eq!(
        score("10..12", "", "9"),
        "tp 1 fp 0 fn 0 f1 1.000 delay -1.00"
    );
    assert_eq!(
        score("10..12", "", "13"),
        "tp 1 fp 0 fn 0 f1 1.000 delay 3.00"
    );
    assert_eq!(
        score("10..12", "", "8.99"),
        "tp 0 fp 1 fn 1 f1 0.000 missed 10 false 8.99"
    );
    assert_eq!(
        score("10..12", "", "13.01"),
        "tp 0 fp 1 fn 1 f1 0.000 missed 10 false 13.01"
    );
}

#[test]
fn a_second_alarm_inside_a_matched_truth_is_false() {
    assert_eq!(
        score("10..20", "", "15 11 18"),
        "tp 1 fp 2 fn 0 f1 0.500 delay 1.00 false 15 false 18"
    );
}

#[test]
fn truths_in_order_of_their_start_take_the_earliest_free_alarm() {
    // The first takes 10.4, although the second lies nearer to it.
    assert_eq!(
        score("10.5 9.6", "", "10.4 11.2"),
        "tp 2 fp 0 fn 0 f1 1.000 delay 0.75"
    );
    assert_eq!(
        score("9.6 10.5", "", "10.4"),
        "tp 1 fp 0 fn 1 f1 0.667 delay 0.80 missed 10.5"
    );
}

#[test]
fn what_is_ignored_counts_neither_way() {
    assert_eq!(score("", "5..6", "5 5.5 6"), "tp 0 fp 0 fn 0 f1 1.000");
    assert_eq!(score("5.2..5.8", "5..6", ""), "tp 0 fp 0 fn 0 f1 1.000");
    assert_eq!(
        score("5.2..6.1", "5..6", "5.5"),
        "tp 0 fp 0 fn 1 f1 0.000 missed 5.2",
        "a truth that reaches out of it counts, an alarm inside it does not"
    );
}

#[test]
fn a_rule_without_truth_must_stay_silent() {
    assert_eq!(score("", "", ""), "tp 0 fp 0 fn 0 f1 1.000");
    assert_eq!(score("", "", "3"), "tp 0 fp 1 fn 0 f1 0.000 false 3");
}

#[test]
fn other_rules_do_not_matter() {
    let truth = Truth {
        tolerance_s: 1.0,
        incidents: spans("10"),
        ignore: spans("0..100"),
    };
    assert_eq!(Score::new("other", &truth, &[10.0]).false_alarms_s, [10.0]);
}
