//! Detections of one frame after another -> tracks of objects.
//!
//! Two-pass association (Zhang et al., ByteTrack, 2022): sure detections first, then the unsure ones to the tracks that
//! are left, so that an object half hidden keeps its number. A pair is judged by overlap and by how far the detection
//! lies from where the filter expects it, measured by the filter's own doubt: a new or long lost track reaches far, a
//! steady one does not. That keeps fast objects whose boxes do not overlap from one frame to the next.

mod associate;
mod cue;
mod filter;
mod followed;
mod pace;

use std::time::Duration;

use crate::{
    detection::{ClassId, Detection},
    geometry::Rect,
    ground::Ground,
    suppress::suppress_by,
};
use associate::{Assignment, Pair, affinity};
pub use cue::{Appearance, Sketch, worth_a_look};
use followed::Followed;
pub use pace::Speed;

/// A track of one camera, numbered from 1 as they begin; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackId(pub u64);

/// How a tracker decides. The defaults suit a detector whose scores are about probabilities, at 3 to 30 frames a second.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackerSettings {
    /// Detections from here on are sure: they are associated first.
    pub high_score: f32,
    /// Detections below this are not looked at; those between only continue tracks.
    pub low_score: f32,
    /// Sure detections from here on begin a track.
    pub birth_score: f32,
    /// A track is believed once it has two detections or more whose scores sum up to this.
    pub belief: f32,
    /// A believed track that nothing continued for longer than this ends.
    pub max_lost: Duration,
}

impl Default for TrackerSettings {
    fn default() -> Self {
        TrackerSettings {
            high_score: 0.4,
            low_score: 0.1,
            birth_score: 0.4,
            belief: 1.0,
            max_lost: Duration::from_millis(1500),
        }
    }
}

/// An object followed over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Track {
    /// Its number.
    pub id: TrackId,
    /// Its class, voted over its life by score.
    pub class: ClassId,
    /// Class of its latest detection.
    pub seen_as: ClassId,
    /// Score of its latest detection.
    pub score: f32,
    /// Median of its scores, to a hundredth.
    pub score_median: f32,
    /// Filtered box; predicted while the object is not seen.
    pub rect: Rect,
    /// Box of its latest detection, as the detector gave it.
    pub detected: Rect,
    /// Velocity of the box's middle, normalised units a second.
    pub velocity: (f32, f32),
    /// How fast it goes over the ground, where that is calibrated and it has been seen for long enough.
    pub speed: Option<Speed>,
    /// How far its middle has been from where it was first seen, normalised.
    pub displacement: f32,
    /// Time of its first detection.
    pub first_seen: Duration,
    /// Time of its latest detection.
    pub last_seen: Duration,
    /// Number of its detections.
    pub hits: u32,
    /// Whether it has been seen often enough to be believed.
    pub confirmed: bool,
    /// Whether the latest frame showed it.
    pub seen: bool,
}

/// What the detector is less sure of than this may be a bush that looks a little like somebody.
const SURE: f32 = 0.6;

impl Track {
    /// Whether it may be a piece of the scenery: the detector is not sure of it, and it has not gone as far as it is high.
    pub(crate) fn may_be_scenery(&self) -> bool {
        self.score_median < SURE && self.displacement < self.detected.h
    }
}

/// Which classes one object may be taken for in turn: a group a class, at the class's place. A class without one is a
/// group by itself.
pub type ClassGroups = Vec<u16>;

/// Two boxes of one group whose intersection over union is larger show one object.
const SAME_OBJECT: f32 = 0.45;

/// An unbelieved track ends when it is not seen for so long, and missed in a frame at least.
const TENTATIVE: Duration = Duration::from_millis(60);

/// Unsure detections continue tracks that were seen within this time, or in the frame before,
const UNSURE_GAP: Duration = Duration::from_millis(430);

/// and that a sure detection continued within this time.
const UNSURE_FOR: Duration = Duration::from_millis(1800);

/// How fast a newborn may turn out to be once nothing nearer continues it: standard deviation in its own sides a second.
const NEWBORN_VELOCITY: f32 = 3.0;

/// Standard deviation, in its own sides, past which the place of an object that is long unseen is not looked for: else it
/// takes over whoever turns up.
const FARTHEST: f32 = 1.2;

/// Width of pictures by their height where nobody has told it.
pub(crate) const USUAL_ASPECT: f32 = 16.0 / 9.0;

/// Follows objects.
#[derive(Clone, Debug)]
pub struct Tracker {
    settings: TrackerSettings,
    groups: ClassGroups,
    ground: Option<Ground>,
    /// Width of the pictures by their height.
    aspect: f32,
    followed: Vec<Followed>,
    tracks: Vec<Track>,
    now: Duration,
    /// Time since the frame before.
    dt: Duration,
    next_id: u64,
    /// How detections of the next frame look, some of them.
    seen: Vec<Appearance>,
    work: Work,
}

/// Buffers kept from frame to frame.
#[derive(Clone, Debug, Default)]
struct Work {
    dets: Vec<Detection>,
    /// Per detection: taken by a track.
    taken: Vec<bool>,
    pairs: Vec<Pair>,
    assignment: Assignment,
}

impl Tracker {
    /// A tracker that has seen nothing, to which every class is unlike every other.
    pub fn new(settings: TrackerSettings) -> Tracker {
        Tracker::with_groups(settings, ClassGroups::new())
    }

    /// A tracker that lets an object change its class within a group.
    pub fn with_groups(settings: TrackerSettings, groups: ClassGroups) -> Tracker {
        Tracker {
            settings,
            groups,
            ground: None,
            aspect: USUAL_ASPECT,
            followed: Vec::new(),
            tracks: Vec::new(),
            now: Duration::ZERO,
            dt: Duration::ZERO,
            next_id: 1,
            seen: Vec::new(),
            work: Work::default(),
        }
    }

    /// That measures speeds on this ground.
    #[must_use]
    pub fn on(mut self, ground: Option<Ground>) -> Tracker {
        self.ground = ground;
        self
    }

    /// Tells the width of the pictures by their height, above 0.
    pub fn set_aspect(&mut self, aspect: f32) {
        self.aspect = aspect;
    }

    /// Takes the detections of the frame at `at` (the camera's own time line; a time before that of the last frame is taken
    /// as that one); gives all tracks that are alive: seen, and lost ones that may come back. Detections whose numbers make
    /// no box are left out.
    pub fn update(&mut self, at: Duration, dets: &[Detection]) -> &[Track] {
        self.dt = at.saturating_sub(self.now);
        self.now = self.now.max(at);
        for followed in &mut self.followed {
            followed.predict(self.dt.as_secs_f32());
        }
        self.admit(dets);
        self.associate();
        self.end_lost();
        self.begin_new();
        self.remember();
        self.tracks.clear();
        self.tracks.extend(self.followed.iter().map(|f| f.track));
        &self.tracks
    }

    /// Tells how some detections of the next frame look: a second cue for [`Tracker::update`], which forgets it.
    pub fn recognise(&mut self, seen: Vec<Appearance>) {
        self.seen = seen;
    }

    /// All tracks that are alive, with what is known of their looks.
    pub fn sketches(&self) -> Vec<Sketch> {
        let followed = self.followed.iter();
        followed.map(|f| cue::sketch(f.track, &f.memory)).collect()
    }

    /// All tracks that are alive.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Ends all tracks; their numbers are not used again.
    pub fn forget(&mut self) {
        self.followed.clear();
        self.tracks.clear();
    }

    /// Keeps the detections that are worth a look, each object once.
    fn admit(&mut self, dets: &[Detection]) {
        let work = &mut self.work;
        work.dets.clear();
        work.dets.extend(
            dets.iter()
                .filter(|d| is_sound(d) && d.score >= self.settings.low_score),
        );
        suppress_by(&mut work.dets, SAME_OBJECT, |d| {
            group_of(&self.groups, d.class)
        });
        work.taken.clear();
        work.taken.resize(work.dets.len(), false);
    }

    fn associate(&mut self) {
        let (high, dt) = (self.settings.high_score, self.dt);
        let since = |gap: Duration| self.now.saturating_sub(gap);
        // A fifth more than the last interval: frames do not come evenly.
        let recent = since(UNSURE_GAP.max(dt.mul_f32(1.2)));
        let sure = since(UNSURE_FOR);
        let carried = |f: &Followed| f.track.last_seen >= recent && f.last_sure >= sure;
        self.pass(|f| f.track.confirmed, |d| d.score >= high, 0.0);
        self.find_again(high);
        self.pass(|f| f.track.confirmed && carried(f), |d| d.score < high, 0.0);
        self.pass(|f| !f.track.confirmed, |d| d.score >= high, 0.0);
        let leap = NEWBORN_VELOCITY * dt.as_secs_f32();
        self.pass(|f| f.track.hits == 1, |d| d.score >= high, leap);
    }

    /// One pass between some of the tracks not yet seen and some of the detections not yet taken. A track reaches as far as
    /// its filter says, but at least `leap` of its own sides.
    fn pass(
        &mut self,
        tracks: impl Fn(&Followed) -> bool,
        dets: impl Fn(&Detection) -> bool,
        leap: f32,
    ) {
        let work = &mut self.work;
        work.pairs.clear();
        for (t, followed) in self.followed.iter().enumerate() {
            if followed.track.seen || !tracks(followed) {
                continue;
            }
            let predicted = followed.track.rect;
            let (x, y) = followed.filter.reach();
            // Up and down the picture things go away from it and towards it, and nobody goes his own height so in a step.
            // Whose way is known may be seen by a camera that moves.
            let down = match followed.track.confirmed {
                true => predicted.h,
                false => predicted.h.min(predicted.w * self.aspect),
            };
            let (x, y) = (x.min(FARTHEST * predicted.w), y.min(FARTHEST * down));
            let reach = (x.max(leap * predicted.w), y.max(leap * down));
            for (d, (det, taken)) in work.dets.iter().zip(&work.taken).enumerate() {
                if *taken || !dets(det) || group_of(&self.groups, det.class) != followed.group {
                    continue;
                }
                let seen = look_of(&self.seen, &det.rect);
                let judge = |affinity| {
                    let overlap = predicted.iou(&det.rect);
                    followed.memory.judge(affinity, overlap, seen)
                };
                if let Some(affinity) = affinity(&predicted, reach, det).and_then(judge) {
                    work.pairs.push(Pair {
                        track: t,
                        det: d,
                        affinity,
                    });
                }
            }
        }
        self.join();
    }

    /// Continues tracks that are lost with sure detections that look like them, wherever they can have got to.
    fn find_again(&mut self, high: f32) {
        let work = &mut self.work;
        work.pairs.clear();
        if self.seen.is_empty() {
            return;
        }
        for (t, followed) in self.followed.iter().enumerate() {
            let track = &followed.track;
            if track.seen || !track.confirmed {
                continue;
            }
            let gap = self.now.saturating_sub(track.last_seen);
            for (d, (det, taken)) in work.dets.iter().zip(&work.taken).enumerate() {
                let fits = !*taken
                    && det.score >= high
                    && group_of(&self.groups, det.class) == followed.group
                    && cue::can_reach(&track.detected, &det.rect, gap);
                let seen = look_of(&self.seen, &det.rect).filter(|_| fits);
                let alike = seen.and_then(|seen| followed.memory.recognises(seen));
                work.pairs.extend(alike.map(|affinity| Pair {
                    track: t,
                    det: d,
                    affinity,
                }));
            }
        }
        self.join();
    }

    /// Continues tracks by the best of the pairs.
    fn join(&mut self) {
        let work = &mut self.work;
        for &(t, d) in work.assignment.solve(&mut work.pairs) {
            if let (Some(followed), Some(det), Some(taken)) = (
                self.followed.get_mut(t),
                work.dets.get(d),
                work.taken.get_mut(d),
            ) {
                followed.take(self.now, det, &self.settings, self.ground.as_ref());
                *taken = true;
            }
        }
    }

    /// Keeps how tracks look that were seen just now.
    fn remember(&mut self) {
        for followed in self.followed.iter_mut().filter(|f| f.track.seen) {
            if let Some(embedding) = look_of(&self.seen, &followed.track.detected) {
                followed.memory.note(self.now, embedding);
            }
        }
        self.seen.clear();
    }

    fn end_lost(&mut self) {
        let now = self.now;
        let (believed, tentative) = (self.settings.max_lost, TENTATIVE.max(self.dt.mul_f32(1.2)));
        self.followed.retain(|f| {
            let patience = if f.track.confirmed {
                believed
            } else {
                tentative
            };
            now.saturating_sub(f.track.last_seen) <= patience
        });
    }

    fn begin_new(&mut self) {
        let birth = self.settings.birth_score.max(self.settings.high_score);
        for (det, taken) in self.work.dets.iter().zip(&self.work.taken) {
            if *taken || det.score < birth {
                continue;
            }
            let id = TrackId(self.next_id);
            self.next_id += 1;
            let group = group_of(&self.groups, det.class);
            self.followed.push(Followed::new(id, group, self.now, det));
        }
    }
}

/// Whether a detection's numbers make a box: finite, of some size, and not far outside the picture.
fn is_sound(det: &Detection) -> bool {
    let near = |v: f32| (-1.0..=2.0).contains(&v);
    let rect = &det.rect;
    let corners = [rect.x, rect.y, rect.x + rect.w, rect.y + rect.h];
    (0.0..=1.0).contains(&det.score)
        && corners.into_iter().all(near)
        && rect.w > LEAST_SIDE
        && rect.h > LEAST_SIDE
}

/// Far below a pixel of any camera.
const LEAST_SIDE: f32 = 1e-5;

/// How the detection of this box looks.
fn look_of<'s>(seen: &'s [Appearance], rect: &Rect) -> Option<&'s [f32]> {
    let found = seen.iter().find(|one| one.rect == *rect)?;
    Some(&found.embedding)
}

fn group_of(groups: &ClassGroups, class: ClassId) -> u16 {
    groups.get(usize::from(class.0)).copied().unwrap_or(class.0)
}
