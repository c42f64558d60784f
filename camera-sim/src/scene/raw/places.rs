//! What can be wrong with zones, lines and rules.

use crate::scene::rules::{Line, Place, Rule, Zone};

/// Everything that is wrong, each with its key.
pub(super) fn problems(zones: &[Zone], lines: &[Line], rules: &[Rule]) -> Vec<String> {
    let mut out = Vec::new();
    let mut need = |good: bool, problem: &dyn Fn() -> String| {
        if !good {
            out.push(problem());
        }
    };
    for (i, z) in zones.iter().enumerate() {
        need(z.polygon.len() >= 3, &|| {
            format!(
                "zones[{i}].polygon ({}): needs at least three points, has {}",
                z.id,
                z.polygon.len()
            )
        });
        need(
            z.polygon.iter().flatten().all(|v| (0.0..=1.0).contains(v)),
            &|| {
                format!(
                    "zones[{i}].polygon ({}): points are from 0 to 1 of the picture",
                    z.id
                )
            },
        );
    }
    for (i, l) in lines.iter().enumerate() {
        need(l.from != l.to, &|| {
            format!("lines[{i}].from ({}): from and to are the same point", l.id)
        });
    }
    for (i, r) in rules.iter().enumerate() {
        out.extend(
            of_rule(r, zones, lines)
                .into_iter()
                .map(|(key, what)| format!("rules[{i}].{key} ({}): {what}", r.id)),
        );
    }
    out
}

fn of_rule(rule: &Rule, zones: &[Zone], lines: &[Line]) -> Vec<(&'static str, String)> {
    let kind = rule.kind;
    let article = if "aio".contains(&kind.as_str()[..1]) {
        "an"
    } else {
        "a"
    };
    let mut out = Vec::new();
    let (place, key) = match kind.place() {
        Place::Line => (&rule.line, "line"),
        _ => (&rule.zone, "zone"),
    };
    let known = match kind.place() {
        Place::Line => lines.iter().map(|l| &l.id).collect::<Vec<_>>(),
        _ => zones.iter().map(|z| &z.id).collect(),
    };
    match place {
        Some(name) if !known.contains(&name) => {
            out.push((key, format!("there is no {key} \"{name}\"")));
        }
        None if matches!(kind.place(), Place::Line | Place::Zone) => {
            out.push((key, format!("{article} {} needs a {key}", kind.as_str())));
        }
        _ => {}
    }
    let given = rule.given();
    for key in kind.needs().iter().filter(|key| !given.contains(key)) {
        out.push((key, format!("{article} {} rule needs it", kind.as_str())));
    }
    for key in given.iter().filter(|key| !kind.knows(key)) {
        out.push((
            key,
            format!("{article} {} rule does not know it", kind.as_str()),
        ));
    }
    if rule.classes().is_empty() && kind.place() != Place::None {
        out.push(("classes", "needs at least one class".to_owned()));
    }
    out
}
