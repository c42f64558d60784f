//! One camera's scene: a tracker and the rules that watch its tracks.

mod error;
mod making;

use std::time::Duration;

use crate::{
    detection::{ClassId, Detection},
    geometry::{Line, Polygon},
    ground::Ground,
    incident::IncidentChange,
    look::{Said, Source},
    picture::{Eye, Luma, Sight},
    rule::{self, Life, Log, Rule, RuleIndex, RuleKind, RuleSettings, Total},
    track::{Appearance, Sketch, Track, Tracker, TrackerSettings, USUAL_ASPECT},
};
use making::{Maker, class_groups, find_duplicates, resolve_classes};

pub use error::SceneError;

/// What a scene is to watch.
#[derive(Clone, Debug)]
pub struct SceneSettings {
    /// Zones by name.
    pub zones: Vec<(String, Polygon)>,
    /// Lines by name.
    pub lines: Vec<(String, Line)>,
    /// Rules.
    pub rules: Vec<RuleSettings>,
    /// How objects are followed.
    pub tracker: TrackerSettings,
    /// The ground, where it is calibrated.
    pub ground: Option<Ground>,
}

/// One camera's scene.
#[derive(Debug)]
pub struct Scene {
    tracker: Tracker,
    eye: Eye,
    rules: Vec<Watch>,
    aspect: f32,
    /// What second models have said since the last frame.
    said: Vec<Said>,
    now: Duration,
    last_number: u64,
}

/// A rule with the classes it looks at.
#[derive(Debug)]
struct Watch {
    index: RuleIndex,
    kind: RuleKind,
    /// None: all.
    classes: Option<Vec<ClassId>>,
    min_displacement: f32,
    rule: Rule,
    life: Life,
    silent: bool,
    active: bool,
}

impl Scene {
    /// Builds the scene for a model with these labels.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn new(settings: &SceneSettings, labels: &[String]) -> Result<Scene, Vec<SceneError>> {
        Scene::with_looks(settings, labels, &[])
    }

    /// As [`Scene::new`], with second models that rules may name.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn with_looks(
        settings: &SceneSettings,
        labels: &[String],
        looks: &[Source],
    ) -> Result<Scene, Vec<SceneError>> {
        let mut errors = Vec::new();
        find_duplicates(
            "zones",
            settings.zones.iter().map(|(name, _)| name),
            &mut errors,
        );
        find_duplicates(
            "lines",
            settings.lines.iter().map(|(name, _)| name),
            &mut errors,
        );
        find_duplicates("rules", settings.rules.iter().map(|r| &r.id), &mut errors);
        let mut rules = Vec::new();
        for (index, rule) in settings.rules.iter().enumerate() {
            let index = RuleIndex(index);
            let classes = resolve_classes(index, rule, labels, &mut errors);
            let maker = Maker::new(index, rule, settings, labels).with_looks(looks);
            match maker.watch(classes) {
                Ok(watch) => rules.push(watch),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Scene {
            tracker: Tracker::with_groups(settings.tracker.clone(), class_groups(labels))
                .on(settings.ground.clone()),
            eye: Eye::new(rule::wanted(&settings.rules)),
            rules,
            aspect: USUAL_ASPECT,
            said: Vec::new(),
            now: Duration::ZERO,
            last_number: 0,
        })
    }

    /// Takes the detections of the frame at `at`, empty frames too. `at` is the camera's own time line; a time before that
    /// of the last frame is taken as that one. Gives what changed.
    pub fn update(&mut self, at: Duration, detections: &[Detection]) -> Vec<IncidentChange> {
        self.now = self.now.max(at);
        let tracks = self.tracker.update(self.now, detections);
        let moment = Moment {
            at: self.now,
            aspect: self.aspect,
            ends: false,
            sight: self.eye.sight(),
            said: &self.said,
        };
        let changes = judge(&mut self.rules, tracks, moment, &mut self.last_number);
        self.said.clear();
        changes
    }

    /// Takes what a second model has said; rules hear it at the next frame.
    pub fn hear(&mut self, said: Said) {
        self.said.push(said);
    }

    /// Tells how some detections of the next frame look, as [`Tracker::recognise`].
    pub fn recognise(&mut self, seen: Vec<Appearance>) {
        self.tracker.recognise(seen);
    }

    /// As [`Tracker::sketches`].
    pub fn sketches(&self) -> Vec<Sketch> {
        self.tracker.sketches()
    }

    /// Whether a rule is to know the picture of this time.
    pub fn wants_picture(&self, at: Duration) -> bool {
        self.eye.wants(at)
    }

    /// Takes the picture of `at`, before the detections of that time.
    pub fn look(&mut self, luma: &Luma, at: Duration) {
        self.eye.look(luma, at);
    }

    /// Tells that no pictures come, although they should. Gives what changed.
    pub fn lose_signal(&mut self) -> Vec<IncidentChange> {
        self.eye.lose_signal();
        self.judge_alone(false)
    }

    /// Without any tracks.
    fn judge_alone(&mut self, ends: bool) -> Vec<IncidentChange> {
        let moment = Moment {
            at: self.now,
            aspect: self.aspect,
            ends,
            sight: self.eye.sight(),
            said: &[],
        };
        judge(&mut self.rules, &[], moment, &mut self.last_number)
    }

    /// Tells the width of the pictures by their height; until then they are taken for wide ones.
    pub fn set_aspect(&mut self, aspect: f32) {
        if aspect.is_finite() && aspect > 0.0 {
            self.aspect = aspect;
            self.tracker.set_aspect(aspect);
        }
    }

    /// Whether a rule is to watch from the next frame on; all are at first. What one has open is closed when it rests.
    pub fn set_active(&mut self, rule: RuleIndex, active: bool) {
        let watches = self.rules.iter_mut();
        watches
            .filter(|watch| watch.index == rule)
            .for_each(|watch| watch.active = active);
    }

    /// Sets the areas that a rule ignores besides those of its settings, from the next frame on: incidents whose objects all
    /// stand in one are held back until one of them comes out.
    pub fn set_ignored(&mut self, rule: RuleIndex, areas: Vec<Polygon>) {
        let mut watches = self.rules.iter_mut();
        if let Some(watch) = watches.find(|watch| watch.index == rule) {
            watch.life.set_ignored(areas);
        }
    }

    /// How many incidents of each rule opened and closed in ignored areas, those of the settings too, since the scene began.
    pub fn ignored(&self) -> impl Iterator<Item = (RuleIndex, u64)> + '_ {
        let watches = self.rules.iter();
        watches.map(|watch| (watch.index, watch.life.ignored()))
    }

    /// What rules have counted since the scene began.
    pub fn totals(&self) -> impl Iterator<Item = (RuleIndex, Total)> + '_ {
        self.rules.iter().flat_map(|watch| {
            let totals = watch.rule.totals().iter();
            totals.map(|total| (watch.index, *total))
        })
    }

    /// How many incidents of each rule were held back since the scene began.
    pub fn suppressed(&self) -> impl Iterator<Item = (RuleIndex, u64)> + '_ {
        let watches = self.rules.iter();
        watches.map(|watch| (watch.index, watch.life.suppressed()))
    }

    /// Rules that could not be evaluated of late, and why, told once.
    pub fn take_troubles(&mut self) -> Vec<(RuleIndex, String)> {
        let watches = self.rules.iter_mut();
        let troubles = watches.filter_map(|watch| Some((watch.index, watch.rule.take_trouble()?)));
        troubles.collect()
    }

    /// Tracks that are alive.
    pub fn tracks(&self) -> &[Track] {
        self.tracker.tracks()
    }

    /// Closes what is open: the stream ended or begins anew. Tracks are forgotten, their numbers are not used again.
    pub fn finish(&mut self, at: Duration) -> Vec<IncidentChange> {
        self.now = self.now.max(at);
        self.tracker.forget();
        self.said.clear();
        self.judge_alone(true)
    }
}

/// When a rule looks.
#[derive(Clone, Copy)]
struct Moment<'s> {
    at: Duration,
    aspect: f32,
    /// Nothing comes after it.
    ends: bool,
    sight: &'s Sight,
    said: &'s [Said],
}

/// What all rules say of these tracks at this moment.
fn judge(
    rules: &mut [Watch],
    tracks: &[Track],
    moment: Moment<'_>,
    last_number: &mut u64,
) -> Vec<IncidentChange> {
    let mut told = Vec::new();
    for watch in rules.iter_mut() {
        let changes = watch.look(tracks, moment, last_number, &told);
        told.extend(changes);
    }
    let silent = |change: &IncidentChange| {
        let mut watches = rules.iter();
        watches.any(|watch| watch.silent && watch.index == change.rule)
    };
    told.retain(|change| !silent(change));
    told
}

impl Watch {
    fn look(
        &mut self,
        tracks: &[Track],
        moment: Moment<'_>,
        last_number: &mut u64,
        heard: &[IncidentChange],
    ) -> Vec<IncidentChange> {
        let tracks = if self.active { tracks } else { &[] };
        let classes = self.classes.as_deref();
        let watched = tracks.iter().filter(|track| {
            classes.is_none_or(|c| c.contains(&track.class))
                && track.displacement >= self.min_displacement
        });
        let mut found = Vec::new();
        let mut log = Log {
            at: moment.at,
            rule: self.index,
            kind: self.kind,
            all: tracks,
            aspect: moment.aspect,
            ends: moment.ends || !self.active,
            heard,
            sight: moment.sight,
            said: moment.said,
            last_number,
            changes: &mut found,
        };
        self.rule.evaluate(watched, &mut log);
        let mut told = Vec::new();
        (self.life).pass(found, tracks, moment.at, &mut told);
        told
    }
}
