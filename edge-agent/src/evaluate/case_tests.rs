//! Cases that are read, and mistakes that are shown where they stand.

use std::time::Duration;

use analytics::picture::Tampering;
use analytics::rule::RuleSpec;

use super::*;

const GOOD: &str = r#"clip = "clip.mp4"
title = "a gate"
tolerance_s = 1.0

[[zones]]
id = "yard"
polygon = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]]

[[lines]]
id = "gate"
from = [0.2, 0.5]
to = [0.8, 0.5]

[[rules]]
id = "in"
kind = "line_crossing"
line = "gate"
direction = "forward"
classes = ["person"]

[[rules]]
id = "waits"
kind = "loitering"
zone = "yard"
min_seconds = 6.0

[[rules]]
id = "many"
kind = "crowd"
zone = "yard"
min_count = 3

[[incidents]]
rule = "in"
start_s = 1.0
end_s = 1.5
"#;

fn refusal(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from:?} is in the good example");
    let text = GOOD.replace(from, to);
    let error = Case::parse(Path::new("case.toml"), &text).expect_err("must be refused");
    error.to_string()
}

#[test]
fn a_good_case_is_read() {
    let case = Case::parse(Path::new("yard/case.toml"), GOOD).expect("good");
    assert_eq!(case.name, "yard");
    assert_eq!(case.clip, Path::new("yard/clip.mp4"));
    let supported: Vec<bool> = case.rules.iter().map(|r| r.settings.is_some()).collect();
    assert_eq!(supported, [true, true, true]);
    assert_eq!(case.truth.incidents.len(), 1);
}

#[test]
fn what_needs_a_calibration_or_a_second_model_is_read() {
    let later = format!(
        "{GOOD}\n[[rules]]\nid = \"fast\"\nkind = \"speeding\"\nzone = \"yard\"\nclasses = [\"car\"]\nlimit_kmh = 50.0\n\
         [[rules]]\nid = \"lens\"\nkind = \"tamper\"\ndetect = [\"covered\"]\n\
         [[rules]]\nid = \"fists\"\nkind = \"fight\"\nclasses = [\"person\"]\n\
         [[rules]]\nid = \"down\"\nkind = \"fall\"\nclasses = [\"fallen\"]\nmin_seconds = 2.0\n\
         [calibration]\npoints = [{{ image = [0.1, 0.9], ground = [-4.0, 8.5] }}, {{ image = [0.9, 0.9], ground = [4.0, 8.5] }},\n\
         {{ image = [0.7, 0.3], ground = [6.0, 30.0] }}, {{ image = [0.3, 0.3], ground = [-6.0, 30.0] }}]\n"
    );
    let case = Case::parse(Path::new("yard/case.toml"), &later).expect("good");
    assert!(case.rules.iter().all(|rule| rule.settings.is_some()));
}

#[test]
fn every_kind_is_read_with_its_keys() {
    let all = format!(
        "{GOOD}\n[[rules]]\nid = \"wrong\"\nkind = \"wrong_way\"\nzone = \"yard\"\nclasses = [\"car\"]\n\
         direction_degrees = 90.0\ntolerance_degrees = 60\n\
         [[rules]]\nid = \"jam\"\nkind = \"congestion\"\nzone = \"yard\"\nmin_count = 4\nmax_speed = 0.02\n\
         [[rules]]\nid = \"stop\"\nkind = \"stopped_vehicle\"\nzone = \"yard\"\nmin_seconds = 8\n\
         [[rules]]\nid = \"lens\"\nkind = \"tamper\"\ndetect = [\"dark\", \"frozen\"]\n\
         [[rules]]\nid = \"all\"\nkind = \"tamper\"\n\
         [[rules]]\nid = \"bag\"\nkind = \"abandoned_object\"\nzone = \"yard\"\nmin_seconds = 9\nclasses = [\"bag\"]\n"
    );
    let case = Case::parse(Path::new("yard/case.toml"), &all).expect("good");
    let specs = case
        .rules
        .into_iter()
        .skip(2)
        .map(|rule| rule.settings.expect("read").rule);
    let zone = || "yard".to_owned();
    let expected = [
        RuleSpec::Crowd {
            zone: zone(),
            min_count: 3,
            min_duration: Duration::from_secs(2),
        },
        RuleSpec::WrongWay {
            zone: zone(),
            direction_degrees: 90.0,
            tolerance_degrees: 60.0,
            min_distance: 0.1,
        },
        RuleSpec::Congestion {
            zone: zone(),
            min_count: 4,
            max_speed: 0.02,
            min_duration: Duration::from_secs(10),
        },
        RuleSpec::StoppedVehicle {
            zone: zone(),
            min_duration: Duration::from_secs(8),
        },
        RuleSpec::Tamper {
            detect: vec![Tampering::Dark, Tampering::Frozen],
        },
        RuleSpec::Tamper {
            detect: Tampering::ALL.to_vec(),
        },
        RuleSpec::AbandonedObject {
            zone: zone(),
            min_duration: Duration::from_secs(9),
        },
    ];
    assert_eq!(specs.collect::<Vec<_>>(), expected);
}

#[test]
fn mistakes_are_shown_with_their_line() {
    insta::assert_snapshot!(
        refusal(r#"line = "gate""#, r#"line = "date""#),
        @r#"case.toml:17: no line is named "date"; there are gate"#
    );
    insta::assert_snapshot!(
        refusal(r#"kind = "loitering""#, r#"kind = "loitring""#),
        @r#"case.toml:23: unknown kind "loitring", expected one of line_crossing, intrusion, loitering, crowd, congestion, wrong_way, stopped_vehicle, speeding, running, fall, occupancy, gathering, dispersal, counting, abandoned_object, removed_object, fire_smoke, fight, look, tamper, custom, sequence"#
    );
    insta::assert_snapshot!(refusal("min_seconds = 6.0", ""), @"case.toml:22: loitering needs min_seconds");
    insta::assert_snapshot!(
        refusal("min_seconds = 6.0", "min_seconds = 6.0\nmin_count = 2"),
        @r#"case.toml:22: rule "waits": loitering has no key "min_count""#
    );
    insta::assert_snapshot!(refusal("end_s = 1.5", "end_s = 0.5"), @"case.toml:33: end_s lies before start_s");
    insta::assert_snapshot!(
        refusal("[[incidents]]\nrule = \"in\"", "[[incidents]]\nrule = \"out\""),
        @r#"case.toml:33: no rule is named "out""#
    );
}

#[test]
fn a_shape_that_is_none_is_shown_with_its_line() {
    let text = refusal("[0.9, 0.1], [0.9, 0.9]]", "[0.9, 0.1]]");
    assert!(text.starts_with("case.toml:7: zone \"yard\": "), "{text}");
    let text = refusal("to = [0.8, 0.5]", "to = [0.2, 0.5]");
    assert!(text.starts_with("case.toml:11: line \"gate\": "), "{text}");
}
