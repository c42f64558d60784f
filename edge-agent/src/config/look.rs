//! `[[cameras.looks]]`: models that look at whole pictures; the rules that go by what second models say; and
//! `[cameras.likeness]`.

use std::time::Duration;

use analytics::rule::{RuleKind, RuleSpec};

use super::{
    camera::{AGAIN, model_name, unknown},
    check::Check,
    problem::At,
    raw::{RawCamera, RawLook, RawRule},
    scene::foreign,
    settings::{LikenessSettings, LookSettings},
};

/// At most so many a camera, as cascades.
const MAX_LOOKS: usize = 4;
const EVERY: Duration = Duration::from_secs(1);
const LEAST_EVERY: Duration = Duration::from_millis(100);
const MOST_EVERY: Duration = Duration::from_secs(60);

/// Objects of a frame whose likeness is looked at, where nothing is said.
const CROPS: u64 = 4;

/// A second model that rules may name.
pub(super) struct Known<'k> {
    id: &'k str,
    /// It looks at whole pictures.
    whole: bool,
    every: Duration,
}

/// Checks a camera's models of whole pictures.
pub(super) fn check(check: &mut Check<'_>, camera: &RawCamera) -> Vec<LookSettings> {
    let list = camera.looks.given().map_or(&[][..], |at| &at.value);
    check.unique("look", list.iter().filter_map(|raw| raw.id.given()));
    let cascades = camera.cascades.given().map_or(&[][..], |at| &at.value);
    for id in list.iter().filter_map(|raw| raw.id.given()) {
        let mut cascades = cascades.iter().filter_map(|raw| raw.id.given());
        if cascades.any(|cascade| cascade.value == id.value) {
            let text = format!("{:?} is a cascade already: rules name both alike", id.value);
            check.problems.push(id.problem(text));
        }
    }
    if let Some(one) = list.get(MAX_LOOKS) {
        let text = format!("a camera has at most {MAX_LOOKS} looks");
        check.problems.push(one.problem(text));
    }
    list.iter().filter_map(|raw| one(check, raw)).collect()
}

fn one(check: &mut Check<'_>, raw: &At<RawLook>) -> Option<LookSettings> {
    let problems = &mut check.problems;
    let id = raw.id.required(&raw.place, "id", problems).cloned();
    let model = raw.model.required(&raw.place, "model", problems).cloned();
    let id = id.and_then(|id| check.name(&id));
    let model = model.map(|at| model_name(check, &at));
    if let Some(at) = raw.every.given()
        && !(LEAST_EVERY..=MOST_EVERY).contains(&at.value)
    {
        let text = format!(
            "{:?} is outside {LEAST_EVERY:?} to {MOST_EVERY:?}",
            at.value
        );
        check.problems.push(at.problem(text));
    }
    Some(LookSettings {
        id: id?.to_string(),
        model: model?,
        every: raw.every.or(EVERY),
    })
}

/// Checks `[cameras.likeness]`.
pub(super) fn likeness(check: &mut Check<'_>, camera: &RawCamera) -> Option<LikenessSettings> {
    let raw = camera.likeness.given()?;
    let (model, place) = (&raw.value.model, &raw.place);
    let model = model.required(place, "model", &mut check.problems).cloned();
    let crops = check.number(&raw.value.crops_per_frame, 1..=16, CROPS);
    Some(LikenessSettings {
        model: model_name(check, &model?),
        crops_per_frame: usize::try_from(crops).unwrap_or_default(),
    })
}

/// The second models that a camera's rules may name, by what was typed.
pub(super) fn known(camera: &RawCamera) -> Vec<Known<'_>> {
    let cascades = camera.cascades.given().map_or(&[][..], |at| &at.value);
    let cascades = cascades.iter().filter_map(|raw| {
        Some(Known {
            id: &raw.id.given()?.value,
            whole: false,
            every: raw.again.or(AGAIN),
        })
    });
    let looks = camera.looks.given().map_or(&[][..], |at| &at.value);
    let looks = looks.iter().filter_map(|raw| {
        Some(Known {
            id: &raw.id.given()?.value,
            whole: true,
            every: raw.every.or(EVERY),
        })
    });
    cascades.chain(looks).collect()
}

/// The kind whose keys a rule has: `fire_smoke` that names a look has those of a fight.
pub(super) fn keyed_as(kind: RuleKind, raw: &RawRule) -> RuleKind {
    match kind {
        RuleKind::FireSmoke if !raw.look.is_absent() => RuleKind::Fight,
        other => other,
    }
}

/// Tells a rule what a second model is to see; keys that mean nothing are refused.
pub(super) fn complete(
    check: &mut Check<'_>,
    raw: &At<RawRule>,
    kind: RuleKind,
    known: &[Known<'_>],
    rule: &mut RuleSpec,
) {
    let RuleSpec::Look(spec) = rule else {
        foreign(check, kind.as_str(), "look", &raw.look);
        foreign(check, kind.as_str(), "labels", &raw.labels);
        return;
    };
    spec.kind = kind;
    let labels = raw.labels.given().map_or(&[][..], |at| &at.value);
    spec.labels = labels.iter().map(|at| at.value.clone()).collect();
    if let Some(at) = raw.labels.given()
        && at.value.is_empty()
    {
        check
            .problems
            .push(at.problem("is empty: name labels of the look's model"));
    }
    if kind == RuleKind::Look {
        raw.labels
            .required(&raw.place, "labels", &mut check.problems);
    }
    if spec.end_share >= spec.min_share {
        let at = raw.place.of_key("end_share");
        let text = format!(
            "{} is not below min_share, {}",
            spec.end_share, spec.min_share
        );
        check.problems.push(at.problem(text));
    }
    if known.is_empty() {
        let at = raw.place.of_key("kind");
        let text = format!(
            "{} needs a classifier in [[cameras.looks]] or [[cameras.cascades]]",
            kind.as_str()
        );
        check.problems.push(at.problem(text));
        return;
    }
    let Some(at) = raw.look.given() else { return };
    spec.look = Some(at.value.clone());
    let Some(look) = known.iter().find(|look| look.id == at.value) else {
        let names: Vec<&str> = known.iter().map(|look| look.id).collect();
        let text = unknown("look of this camera", &at.value, &names);
        check.problems.push(at.problem(text));
        return;
    };
    if let (true, Some(zone)) = (look.whole, raw.zone.given()) {
        let text = format!("zone means nothing: {:?} looks at whole pictures", look.id);
        check.problems.push(zone.problem(text));
    }
    let every = look.every;
    if spec.within < every * 3 {
        let at = raw.place.of_key("within_seconds");
        let text = format!(
            "{:?} holds fewer than three looks: {:?} looks every {every:?}",
            spec.within, look.id
        );
        check.problems.push(at.problem(text));
    }
}
