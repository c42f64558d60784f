//! What is staged and not done by actors: fires, and what happens to the lens. Starts at the first sign of it.

use super::{TruthIncident, Watch};
use crate::actor::Class;
use crate::fire::Fire;
use crate::scene::rules::{Rule, RuleKind};
use crate::space::{V2, inside, v2};

/// Incidents of all such rules.
pub(super) fn incidents(watch: &Watch<'_>) -> Vec<TruthIncident> {
    let mut out = Vec::new();
    for rule in watch.rules(RuleKind::FireSmoke) {
        let fires = watch
            .scene
            .fires
            .iter()
            .filter(|f| reported(watch, rule, f));
        out.extend(fires.map(|f| {
            let what = match (f.flames, f.smoke) {
                (true, true) => "fire with smoke",
                (true, false) => "fire",
                _ => "smoke",
            };
            watch.incident(rule, f.from_s, f.until_s, what.to_owned())
        }));
    }
    for rule in watch.rules(RuleKind::Tamper) {
        let asked = rule.detect.as_deref().unwrap_or_default();
        let faults = watch.scene.faults.iter();
        let faults = faults.filter(|f| asked.contains(&f.kind.tampering()));
        out.extend(faults.map(|f| {
            let what = format!("camera {}", f.kind.as_str());
            watch.incident(rule, f.from_s, f.until_s, what)
        }));
    }
    out
}

/// Whether a fire is of the rule's classes, long enough, and stands in its zone, or in the picture where it names none.
fn reported(watch: &Watch<'_>, rule: &Rule, fire: &Fire) -> bool {
    let about = |class| rule.classes().contains(&class);
    let shows = fire.flames && about(Class::Fire) || fire.smoke && about(Class::Smoke);
    let size = watch.scene.size;
    let foot = watch.scene.view().camera.project(fire.at.up(0.0));
    let foot = foot.map(|p| v2(p.x / size.width as f32, p.y / size.height as f32));
    let zone = watch
        .scene
        .zones
        .iter()
        .find(|z| Some(&z.id) == rule.zone.as_ref());
    let there = foot.is_some_and(|p| match zone {
        Some(zone) => inside(
            &zone
                .polygon
                .iter()
                .map(|&p| V2::from(p))
                .collect::<Vec<_>>(),
            p,
        ),
        None => (0.0..=1.0).contains(&p.x) && (0.0..=1.0).contains(&p.y),
    });
    shows && there && fire.until_s - fire.from_s >= rule.min_seconds()
}
