use analytics::rule::{Direction, LifeSettings};

use super::*;
use crate::config::rule;

/// A rule of a kind with every number at `number`.
fn ruled(kind: RuleKind, number: impl Fn(&str) -> f64) -> RuleSettings {
    let spec = rule::spec(
        kind,
        Some("place".to_owned()),
        Direction::Any,
        &number,
        |_| String::new(),
    );
    RuleSettings {
        id: "rule".to_owned(),
        classes: Vec::new(),
        rule: spec,
        life: LifeSettings {
            min_displacement: number("min_displacement") as f32,
            ..LifeSettings::default()
        },
    }
}

#[test]
fn every_number_that_has_values_to_try_is_found_in_the_rule_and_stays_what_it_is_set_to() {
    for kind in RuleKind::ALL {
        let numbers = rule::keys(kind).numbers;
        let tried = numbers
            .iter()
            .filter(|number| ladder(kind, number.key).is_some());
        for (i, number) in tried.enumerate() {
            let value = 0.25 + i as f64 / 16.0;
            let mut made = ruled(kind, |key| if key == number.key { value } else { 0.125 });
            let place = format!("{} of {}", number.key, kind.as_str());
            let found = number_of(&mut made, number.key).unwrap_or_else(|| panic!("no {place}"));
            assert_eq!(found.value(), value, "{place}");
            found.set(0.5);
            let set = number_of(&mut made, number.key).map(|number| number.value());
            assert_eq!(set, Some(0.5), "{place}");
        }
    }
}

#[test]
fn a_zone_grows_and_shrinks_by_the_same_on_every_side() {
    let square = |from: f32, to: f32, turned: bool| {
        let mut corners = vec![(from, from), (to, from), (to, to), (from, to)];
        if turned {
            corners.reverse();
        }
        let corners = corners.into_iter().map(|(x, y)| Point { x, y });
        Polygon::new(corners.collect()).expect("a square")
    };
    for turned in [false, true] {
        let middle = square(0.4, 0.6, turned);
        for (by, from, to) in [(0.1, 0.3, 0.7), (-0.05, 0.45, 0.55)] {
            let moved = widened(&middle, by).expect("still a square");
            let wanted = square(from, to, turned);
            for (a, b) in moved.vertices().iter().zip(wanted.vertices()) {
                assert!((a.x - b.x).abs() + (a.y - b.y).abs() < 1e-5, "{a:?} {b:?}");
            }
        }
        assert_eq!(widened(&middle, -0.1), None, "nothing is left of it");
        let whole = widened(&middle, 0.5).expect("the picture's edge holds it");
        assert_eq!(whole.vertices().len(), 4);
    }
}
