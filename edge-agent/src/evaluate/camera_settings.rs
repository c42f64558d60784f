//! What an integrator would set for each camera of the cases: a TOML file with one table a case, by its name. A table
//! `defaults` stands for every case; what a case says itself goes before it.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use analytics::{
    geometry::Polygon,
    rule::{RuleSettings, RuleSpec},
    track::TrackerSettings,
};
use serde::Deserialize;

use super::{
    case::Case,
    look::{RawLikeness, RawLook, RawLookRule},
};
use crate::{
    camera::gate::GateKind,
    config::settings::{CameraSettings, CascadeSettings, LikenessSettings, LookSettings},
    inference::{folders::BUNDLED, model::Role},
};

/// Name of the table that stands for every case.
const DEFAULTS: &str = "defaults";

/// Name of a file of this form beside a case's own, with the case's table.
pub const OWN: &str = "camera.toml";

/// Settings of all cases.
#[derive(Clone, Debug, Default)]
pub struct CameraSettingsFile(BTreeMap<String, RawCamera>);

/// Settings of one case's camera.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseCamera {
    /// Name of the model.
    pub model: String,
    /// Analysed frames a second, at most.
    pub analysis_fps: f32,
    /// What the gate goes by.
    pub gate: GateKind,
    /// Areas in which movement counts for nothing to it.
    pub masks: Vec<Polygon>,
    /// Columns and rows of tiles.
    pub tiles: (u8, u8),
    /// Detections below this score are not looked at.
    pub min_score: f32,
    /// How objects are followed.
    pub tracker: TrackerSettings,
    /// Second models.
    pub cascades: Vec<CascadeSettings>,
    /// Models that look at whole pictures.
    pub looks: Vec<LookSettings>,
    /// A model that tells objects apart.
    pub likeness: Option<LikenessSettings>,
    /// Hysteresis of line crossings, by rule.
    pub hysteresis: BTreeMap<String, f32>,
    /// What second models are to see, by rule.
    pub seen: BTreeMap<String, RawLookRule>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCamera {
    model: Option<String>,
    analysis_fps: Option<f32>,
    gate: Option<GateKind>,
    tiles: Option<(u8, u8)>,
    min_score: Option<f32>,
    tracker: Option<RawTracker>,
    #[serde(default)]
    cascades: Vec<RawCascade>,
    #[serde(default)]
    looks: Vec<RawLook>,
    likeness: Option<RawLikeness>,
    #[serde(default)]
    rules: BTreeMap<String, RawRule>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCascade {
    id: String,
    model: String,
    #[serde(default)]
    classes: Vec<String>,
    min_height: Option<f32>,
    again_seconds: Option<f32>,
    per_second: Option<f32>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTracker {
    high_score: Option<f32>,
    low_score: Option<f32>,
    max_lost_seconds: Option<f64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    hysteresis: Option<f32>,
    seen_by: Option<RawLookRule>,
}

impl CameraSettingsFile {
    /// Reads the file.
    ///
    /// # Errors
    /// One text with file, line and what is wrong.
    pub fn load(path: &Path) -> Result<CameraSettingsFile, String> {
        let text = fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let tables: BTreeMap<String, RawCamera> = toml::from_str(&text)
            .map_err(|e| format!("{}: {}", path.display(), e.to_string().trim_end()))?;
        for (name, camera) in &tables {
            check(camera).map_err(|e| format!("{}: {name}.{e}", path.display()))?;
        }
        Ok(CameraSettingsFile(tables))
    }

    /// With what lies beside the cases themselves, for those of which nothing is said here.
    ///
    /// # Errors
    /// As [`CameraSettingsFile::load`].
    pub fn with_own(mut self, cases: &[Case]) -> Result<CameraSettingsFile, String> {
        for case in cases {
            let path = case.folder.join(OWN);
            if !self.0.contains_key(&case.name) && path.is_file() {
                let mut beside = CameraSettingsFile::load(&path)?;
                let own = beside.0.remove(&case.name);
                self.0.extend(own.map(|own| (case.name.clone(), own)));
            }
        }
        Ok(self)
    }

    /// The camera of a case; `model` from the command line goes before all.
    pub fn camera(&self, case: &str, model: Option<&str>) -> CaseCamera {
        let none = RawCamera::default();
        let own = self.0.get(case).unwrap_or(&none);
        let common = self.0.get(DEFAULTS).unwrap_or(&none);
        let named = own.model.as_deref().or(common.model.as_deref());
        let track = |pick: fn(&RawTracker) -> Option<f64>| {
            let of = |camera: &RawCamera| camera.tracker.as_ref().and_then(pick);
            of(own).or_else(|| of(common))
        };
        let usual = TrackerSettings::default();
        CaseCamera {
            model: model.or(named).unwrap_or(BUNDLED).to_owned(),
            analysis_fps: own.analysis_fps.or(common.analysis_fps).unwrap_or(5.0),
            gate: own.gate.or(common.gate).unwrap_or(GateKind::Off),
            masks: Vec::new(),
            tiles: own.tiles.or(common.tiles).unwrap_or((1, 1)),
            min_score: own.min_score.or(common.min_score).unwrap_or(0.1),
            tracker: TrackerSettings {
                high_score: track(|t| t.high_score.map(f64::from))
                    .map_or(usual.high_score, |v| v as f32),
                low_score: track(|t| t.low_score.map(f64::from))
                    .map_or(usual.low_score, |v| v as f32),
                max_lost: track(|t| t.max_lost_seconds)
                    .map_or(usual.max_lost, Duration::from_secs_f64),
                ..usual
            },
            cascades: (own.cascades.iter().chain(&common.cascades))
                .map(RawCascade::settings)
                .collect(),
            looks: (own.looks.iter().chain(&common.looks))
                .map(RawLook::settings)
                .collect(),
            likeness: (own.likeness.as_ref().or(common.likeness.as_ref()))
                .map(RawLikeness::settings),
            seen: (own.rules.iter())
                .filter_map(|(id, rule)| Some((id.clone(), rule.seen_by.clone()?)))
                .collect(),
            hysteresis: (own.rules.iter())
                .filter_map(|(id, rule)| Some((id.clone(), rule.hysteresis?)))
                .collect(),
        }
    }
}

impl RawCascade {
    fn settings(&self) -> CascadeSettings {
        CascadeSettings {
            id: self.id.clone(),
            model: self.model.clone(),
            classes: self.classes.clone(),
            min_height: self.min_height.unwrap_or(0.1),
            again: Duration::from_secs_f32(self.again_seconds.unwrap_or(5.0)),
            per_second: self.per_second.unwrap_or(2.0),
        }
    }
}

impl CaseCamera {
    /// A camera as it is configured on its node.
    pub fn of(camera: &CameraSettings) -> CaseCamera {
        CaseCamera {
            model: camera.model.clone(),
            analysis_fps: camera.analysis_fps,
            gate: camera.gate.kind,
            masks: camera.gate.masks.clone(),
            tiles: camera.tiles,
            min_score: camera.min_score,
            tracker: camera.scene.tracker.clone(),
            cascades: camera.cascades.clone(),
            looks: camera.looks.clone(),
            likeness: camera.likeness.clone(),
            hysteresis: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    }

    /// The rules of a case that can be evaluated, with what the case leaves open.
    pub fn rules(&self, case: &Case) -> Vec<RuleSettings> {
        let mut rules: Vec<_> = case
            .rules
            .iter()
            .filter_map(|r| r.settings.clone())
            .collect();
        for rule in &mut rules {
            if let RuleSpec::LineCrossing { hysteresis, .. } = &mut rule.rule
                && let Some(set) = self.hysteresis.get(&rule.id)
            {
                *hysteresis = *set;
            }
            if let Some(seen) = self.seen.get(&rule.id) {
                seen.tell(rule);
            }
        }
        rules
    }

    /// Whether it has what a rule goes by: those that second models tell of need one.
    pub fn can_see(&self, rule: &RuleSettings) -> bool {
        let by_look = matches!(rule.rule, RuleSpec::Look(_));
        !by_look || !self.cascades.is_empty() || !self.looks.is_empty()
    }

    /// All models, and what for.
    pub fn models(&self) -> impl Iterator<Item = (Role, &str)> {
        let cascades = self.cascades.iter().map(|one| (Role::Crops, &*one.model));
        let looks = self.looks.iter().map(|one| (Role::Pictures, &*one.model));
        let likeness = self
            .likeness
            .iter()
            .map(|one| (Role::Likeness, &*one.model));
        let first = [(Role::Objects, self.model.as_str())].into_iter();
        first.chain(cascades).chain(looks).chain(likeness)
    }
}

fn check(camera: &RawCamera) -> Result<(), String> {
    let tracker = camera.tracker.clone().unwrap_or_default();
    let scores = [
        ("min_score", camera.min_score),
        ("tracker.high_score", tracker.high_score),
        ("tracker.low_score", tracker.low_score),
    ];
    for (key, score) in scores {
        if score.is_some_and(|s| !(0.0..=1.0).contains(&s)) {
            return Err(format!("{key}: expected 0 to 1"));
        }
    }
    if camera
        .analysis_fps
        .is_some_and(|fps| !(0.1..=120.0).contains(&fps))
    {
        return Err("analysis_fps: expected 0.1 to 120".to_owned());
    }
    if camera
        .tiles
        .is_some_and(|(c, r)| !(1..=8).contains(&c) || !(1..=8).contains(&r))
    {
        return Err("tiles: expected columns and rows of 1 to 8".to_owned());
    }
    for cascade in &camera.cascades {
        let again = cascade.again_seconds.unwrap_or(5.0);
        if !(0.1..=3600.0).contains(&again) {
            return Err("cascades.again_seconds: expected 0.1 to 3600".to_owned());
        }
    }
    camera.looks.iter().try_for_each(RawLook::check)?;
    let seen = camera
        .rules
        .values()
        .filter_map(|rule| rule.seen_by.as_ref());
    seen.into_iter().try_for_each(RawLookRule::check)?;
    let lost = tracker.max_lost_seconds.unwrap_or(1.0);
    if !(0.0..=3600.0).contains(&lost) {
        return Err("tracker.max_lost_seconds: expected 0 to 3600".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<CameraSettingsFile, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cameras.toml");
        fs::write(&path, text).expect("written");
        let prefix = format!("{}/", folder.path().display());
        CameraSettingsFile::load(&path).map_err(|e| e.replace(&prefix, ""))
    }

    #[test]
    fn a_case_goes_before_the_defaults_and_the_command_line_before_both() {
        let file = load(
            "[defaults]\nmodel = \"a\"\nanalysis_fps = 5\ntracker = { high_score = 0.5 }\n\
             [gate]\nmodel = \"b\"\ntiles = [2, 1]\ntracker = { low_score = 0.05 }\n",
        )
        .expect("good");
        let gate = file.camera("gate", None);
        assert_eq!((gate.model.as_str(), gate.tiles), ("b", (2, 1)));
        assert_eq!((gate.analysis_fps, gate.tracker.high_score), (5.0, 0.5));
        assert_eq!(gate.tracker.low_score, 0.05);
        assert_eq!(file.camera("yard", None).model, "a");
        assert_eq!(file.camera("gate", Some("c")).model, "c");
        let none = CameraSettingsFile::default();
        assert_eq!(none.camera("gate", None).model, "street-nano");
    }

    #[test]
    fn mistakes_name_the_table_and_the_key() {
        let refusal = |text| load(text).expect_err("must be refused");
        insta::assert_snapshot!(refusal("[gate]\nmin_score = 1.5"), @"cameras.toml: gate.min_score: expected 0 to 1");
        insta::assert_snapshot!(refusal("[gate]\ntiles = [0, 1]"), @"cameras.toml: gate.tiles: expected columns and rows of 1 to 8");
        let text = refusal("[gate]\nanalysis_fsp = 5");
        assert!(
            text.contains("line 2") && text.contains("analysis_fsp"),
            "{text}"
        );
    }
}
