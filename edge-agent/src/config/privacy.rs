//! `[cameras.privacy]`: what a camera's pictures show to nobody, from raw to [`PrivacySettings`].

use analytics::{detection::ClassId, geometry::Polygon};

use super::{camera::unknown, check::Check, raw::RawCamera, scene};

/// What is pixelated where nothing else is asked for, as far as the model knows it: people however they are called, and
/// what of them is found by itself.
const PEOPLE: [&str; 7] = [
    "person",
    "face",
    "fallen",
    "head",
    "pedestrian",
    "rider",
    "cyclist",
];

/// Usual side of a cell, as a share of the picture's width: 16 pixels of a snapshot.
const CELL: f64 = 0.0125;

/// What a camera's pictures show to nobody.
#[derive(Clone, Debug, PartialEq)]
pub struct PrivacySettings {
    /// Places that nobody may see, by name.
    pub masks: Vec<(String, Polygon)>,
    /// Labels of what is pixelated; `None`: people, as far as the model knows them.
    pub pixelate: Option<Vec<String>>,
    /// Least side of a cell, as a share of the picture's width.
    pub cell: f32,
}

impl Default for PrivacySettings {
    fn default() -> Self {
        PrivacySettings {
            masks: Vec::new(),
            pixelate: None,
            cell: CELL as f32,
        }
    }
}

impl PrivacySettings {
    /// Whether people were taken out of what is pixelated on purpose.
    pub fn shows_people(&self) -> bool {
        self.pixelate.as_ref().is_some_and(Vec::is_empty)
    }

    /// The classes that are pixelated, of a model with these labels.
    ///
    /// # Errors
    /// A class that the model does not know: who names it relies on it.
    pub fn classes(&self, labels: &[String]) -> Result<Vec<ClassId>, String> {
        let place = |class: &str| {
            let place = labels.iter().position(|label| label == class)?;
            u16::try_from(place).ok().map(ClassId)
        };
        let Some(named) = &self.pixelate else {
            return Ok(PEOPLE.iter().filter_map(|class| place(class)).collect());
        };
        let known: Vec<&str> = labels.iter().map(String::as_str).collect();
        let found = named.iter().map(|class| {
            place(class).ok_or_else(|| {
                let why = unknown("class of the model", class, &known);
                format!("privacy.pixelate: {why}")
            })
        });
        found.collect()
    }
}

/// What the camera hides.
pub(super) fn check(check: &mut Check<'_>, camera: &RawCamera) -> PrivacySettings {
    let Some(raw) = camera.privacy.given().map(|at| &at.value) else {
        return PrivacySettings::default();
    };
    let masks = raw.masks.given().map_or(&[][..], |at| &at.value);
    check.unique("mask", masks.iter().filter_map(|mask| mask.id.given()));
    let masks = masks
        .iter()
        .filter_map(|mask| scene::check_zone(check, mask));
    PrivacySettings {
        masks: masks.collect(),
        pixelate: raw.pixelate.given().map(|at| {
            let classes = at.value.iter().map(|class| class.value.clone());
            classes.collect()
        }),
        cell: check.number(&raw.cell, 0.005..=0.2, CELL) as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|label| (*label).to_owned()).collect()
    }

    #[test]
    fn people_are_hidden_unless_something_else_is_asked_for() {
        let usual = PrivacySettings::default();
        let classes = usual.classes(&labels(&["car", "person", "fallen"]));
        assert_eq!(classes, Ok(vec![ClassId(1), ClassId(2)]));
        let named = |classes: &[&str]| PrivacySettings {
            pixelate: Some(labels(classes)),
            ..PrivacySettings::default()
        };
        let known = labels(&["car", "person"]);
        assert_eq!(named(&["car"]).classes(&known), Ok(vec![ClassId(0)]));
        assert_eq!(named(&[]).classes(&known), Ok(vec![]));
        assert!(named(&[]).shows_people() && !usual.shows_people());
        assert_eq!(
            named(&["persn"]).classes(&known),
            Err(
                "privacy.pixelate: \"persn\" is no class of the model, did you mean \"person\"?"
                    .to_owned()
            )
        );
    }
}
