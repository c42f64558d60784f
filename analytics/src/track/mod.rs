//! Detections of one frame after another -> tracks of objects.
//!
//! Two-pass association (Zhang et al., ByteTrack, 2022): sure detections first, then the unsure ones to the tracks that
//! are left, so that an object half hidden keeps its number. A pair is judged by overlap and by how far the detection
//! lies from where the filter expects it, measured by the filter's own doubt: a new or long lost track reaches far, a
//! steady one does not. That keeps fast objects whose boxes do not overlap from one frame to the next.

mod associate;
mod filter;

use std::time::Duration;

use crate::{
    detection::{ClassId, Detection},
    geometry::Rect,
    suppress::suppress_by,
};
use associate::{Assignment, Pair};
use filter::Filter;

/// A track of one camera, numbered from 1 as they begin; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackId(pub u64);

/// How a tracker decides. The defaults suit probabilities of a detector at 2 to 30 frames a second.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackerSettings {
    /// Detections from here on are associated first.
    pub high_score: f32,
    /// Detections below this are not looked at; those between only continue tracks.
    pub low_score: f32,
    /// Detections from here on begin a track.
    pub birth_score: f32,
    /// A track is believed once the scores of its detections sum up to this (and there are two of them).
    pub belief: f32,
    /// A track that nothing continued for so long ends.
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
    /// Score of its latest detection.
    pub score: f32,
    /// Median of its scores, to a hundredth.
    pub score_median: f32,
    /// Filtered box; predicted while the object is not seen.
    pub rect: Rect,
    /// Velocity of the box's middle, normalised units a second.
    pub velocity: (f32, f32),
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

/// Classes that one object may be taken for in turn: a label list's place -> its group.
pub type ClassGroups = Vec<u16>;

/// Tuned together on public-detection sequences and on street clips at 5 to 12 frames a second.
mod tuning {
    /// Natural logarithm of the largest ratio between a predicted side and a detection's.
    pub(super) const MAX_GROWTH: f32 = 0.716;
    /// How many standard deviations from the predicted middle a detection may lie that overlaps too little.
    pub(super) const GATE: f32 = 2.28;
    /// Intersection over union from which on a detection may continue a track however far its middle lies.
    pub(super) const SURE_OVERLAP: f32 = 0.311;
    /// Share of the overlap in an affinity; the rest is nearness.
    pub(super) const OVERLAP_SHARE: f32 = 0.6;
    /// How fast nearness falls: exp(-NEARNESS / 2 x squared distance in standard deviations).
    pub(super) const NEARNESS: f32 = 0.406;
    /// How much of its affinity a detection of score 0 loses.
    pub(super) const SCORE_SHARE: f32 = 0.07;
    /// How much of its affinity a detection loses per unit of the logarithm of its sides' ratio.
    pub(super) const SIZE_PENALTY: f32 = 0.17;
    /// Two boxes of one class group that overlap by more (intersection over union) show one object.
    pub(super) const SAME_OBJECT: f32 = 0.456;
    /// A track not yet believed ends when it is not seen for so long, in seconds, and missed in a frame.
    pub(super) const TENTATIVE: f32 = 0.249;
    /// Unsure detections continue tracks seen within so many seconds, or in the last frame.
    pub(super) const UNSURE_AFTER: f32 = 0.589;
}

/// Follows objects.
#[derive(Clone, Debug)]
pub struct Tracker {
    settings: TrackerSettings,
    groups: ClassGroups,
    followed: Vec<Followed>,
    tracks: Vec<Track>,
    now: Duration,
    dt: Duration,
    next_id: u64,
    work: Work,
}

/// Buffers kept from frame to frame.
#[derive(Clone, Debug, Default)]
struct Work {
    dets: Vec<Detection>,
    /// Per detection: taken by a track, or of no use.
    taken: Vec<bool>,
    pairs: Vec<Pair>,
    assignment: Assignment,
}

/// A track with what is needed to follow it.
#[derive(Clone, Debug)]
struct Followed {
    track: Track,
    filter: Filter,
    group: u16,
    votes: Vec<(ClassId, f32)>,
    scores: Scores,
    belief: f32,
}

/// Counts of scores, a hundredth each.
#[derive(Clone, Debug)]
struct Scores {
    counts: [u32; 101],
    total: u32,
}

impl Scores {
    fn new() -> Self {
        Scores {
            counts: [0; 101],
            total: 0,
        }
    }

    fn add(&mut self, score: f32) {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to 0..=100"
        )]
        let place = (score * 100.0).round().clamp(0.0, 100.0) as usize;
        if let Some(count) = self.counts.get_mut(place) {
            *count = count.saturating_add(1);
            self.total = self.total.saturating_add(1);
        }
    }

    fn median(&self) -> f32 {
        let mut below = 0_u32;
        let mut score = 0.0;
        for count in self.counts {
            below = below.saturating_add(count);
            if below.saturating_mul(2) >= self.total {
                break;
            }
            score += 0.01;
        }
        score
    }
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
            followed: Vec::new(),
            tracks: Vec::new(),
            now: Duration::ZERO,
            dt: Duration::ZERO,
            next_id: 1,
            work: Work::default(),
        }
    }

    /// Takes the detections of the frame at `at` (the camera's own time line, not decreasing); gives all tracks that are
    /// alive: seen, and lost ones that may come back.
    pub fn update(&mut self, at: Duration, dets: &[Detection]) -> &[Track] {
        self.dt = at.saturating_sub(self.now);
        self.now = self.now.max(at);
        for followed in &mut self.followed {
            followed.filter.predict(self.dt.as_secs_f32());
            followed.track.seen = false;
        }
        self.admit(dets);
        let high = self.settings.high_score;
        let recent = self.now.saturating_sub(
            Duration::from_secs_f32(tuning::UNSURE_AFTER).max(self.dt.mul_f32(1.2)),
        );
        self.pass(|f| f.track.confirmed, |d| d.score >= high);
        self.pass(
            |f| f.track.confirmed && f.track.last_seen >= recent,
            |d| d.score < high,
        );
        self.pass(|f| !f.track.confirmed, |d| d.score >= high);
        self.end_lost();
        self.begin_new();
        self.tracks.clear();
        for followed in &mut self.followed {
            followed.track.rect = followed.filter.rect();
            followed.track.velocity = followed.filter.velocity();
            self.tracks.push(followed.track);
        }
        &self.tracks
    }

    /// Ends all tracks; their numbers are not used again.
    pub fn forget(&mut self) {
        self.followed.clear();
        self.tracks.clear();
    }

    /// All tracks that are alive.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }
}

impl Tracker {
    /// Keeps the detections that are worth a look, each object once.
    fn admit(&mut self, dets: &[Detection]) {
        let work = &mut self.work;
        work.dets.clear();
        let sound = |d: &&Detection| {
            d.score >= self.settings.low_score && d.rect.is_sound() && d.rect.area() > 0.0
        };
        work.dets.extend(dets.iter().filter(sound));
        let groups = &self.groups;
        suppress_by(&mut work.dets, tuning::SAME_OBJECT, |d| {
            group_of(groups, d.class)
        });
        work.taken.clear();
        work.taken.resize(work.dets.len(), false);
    }

    /// One pass of association between some of the tracks not yet seen and some of the detections not yet taken.
    fn pass(&mut self, tracks: impl Fn(&Followed) -> bool, dets: impl Fn(&Detection) -> bool) {
        let work = &mut self.work;
        work.pairs.clear();
        for (t, followed) in self.followed.iter().enumerate() {
            if followed.track.seen || !tracks(followed) {
                continue;
            }
            let predicted = followed.filter.rect();
            let reach = followed.filter.reach();
            for (d, (det, taken)) in work.dets.iter().zip(&work.taken).enumerate() {
                if *taken || !dets(det) || group_of(&self.groups, det.class) != followed.group {
                    continue;
                }
                if let Some(affinity) = affinity(&predicted, reach, det) {
                    work.pairs.push(Pair {
                        track: t,
                        det: d,
                        affinity,
                    });
                }
            }
        }
        for &(t, d) in work.assignment.solve(&mut work.pairs) {
            let (Some(followed), Some(det)) = (self.followed.get_mut(t), work.dets.get(d)) else {
                continue;
            };
            followed.take(self.now, det, &self.settings);
            if let Some(taken) = work.taken.get_mut(d) {
                *taken = true;
            }
        }
    }

    fn end_lost(&mut self) {
        let (now, max_lost) = (self.now, self.settings.max_lost);
        let dt = self.dt;
        self.followed.retain(|f| {
            let patience = if f.track.confirmed {
                max_lost
            } else {
                Duration::from_secs_f32(tuning::TENTATIVE).max(dt.mul_f32(1.2))
            };
            now.saturating_sub(f.track.last_seen) <= patience
        });
    }

    fn begin_new(&mut self) {
        for (det, taken) in self.work.dets.iter().zip(&self.work.taken) {
            if *taken || det.score < self.settings.birth_score {
                continue;
            }
            let id = TrackId(self.next_id);
            self.next_id += 1;
            let group = group_of(&self.groups, det.class);
            self.followed.push(Followed::new(id, group, self.now, det));
        }
    }
}

impl Followed {
    fn new(id: TrackId, group: u16, now: Duration, det: &Detection) -> Self {
        let mut scores = Scores::new();
        scores.add(det.score);
        Followed {
            track: Track {
                id,
                class: det.class,
                score: det.score,
                score_median: scores.median(),
                rect: det.rect,
                velocity: (0.0, 0.0),
                first_seen: now,
                last_seen: now,
                hits: 1,
                confirmed: false,
                seen: true,
            },
            filter: Filter::new(&det.rect),
            group,
            votes: vec![(det.class, det.score)],
            scores,
            belief: det.score,
        }
    }

    fn take(&mut self, now: Duration, det: &Detection, settings: &TrackerSettings) {
        self.filter.correct(&det.rect);
        self.scores.add(det.score);
        match self.votes.iter_mut().find(|(class, _)| *class == det.class) {
            Some((_, votes)) => *votes += det.score,
            None => self.votes.push((det.class, det.score)),
        }
        self.belief += det.score;
        let best = self.votes.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let track = &mut self.track;
        track.class = best.map_or(det.class, |(class, _)| *class);
        track.score = det.score;
        track.score_median = self.scores.median();
        track.last_seen = now;
        track.hits = track.hits.saturating_add(1);
        track.seen = true;
        track.confirmed |= self.belief >= settings.belief;
    }
}

/// How well a detection continues a track that is expected at `predicted`, give or take `reach`; None where it cannot.
fn affinity(predicted: &Rect, reach: (f32, f32), det: &Detection) -> Option<f32> {
    let ratio = |a: f32, b: f32| (a / b).ln().abs();
    let size = ratio(predicted.w, det.rect.w).max(ratio(predicted.h, det.rect.h));
    if size > tuning::MAX_GROWTH {
        return None;
    }
    let (a, b) = (predicted.centre(), det.rect.centre());
    let (dx, dy) = ((a.x - b.x) / reach.0, (a.y - b.y) / reach.1);
    let far = dx * dx + dy * dy;
    let gate = tuning::GATE * tuning::GATE;
    let iou = predicted.iou(&det.rect);
    if far > gate && iou < tuning::SURE_OVERLAP {
        return None;
    }
    let near = (-0.5 * far * tuning::NEARNESS).exp();
    let overlap = (1.0 - tuning::OVERLAP_SHARE) * near + tuning::OVERLAP_SHARE * iou;
    let affinity = overlap
        * (1.0 - tuning::SCORE_SHARE + tuning::SCORE_SHARE * det.score)
        * (1.0 - tuning::SIZE_PENALTY * size);
    (affinity > 0.0).then_some(affinity)
}

/// A class's group; a class without one is a group by itself.
fn group_of(groups: &ClassGroups, class: ClassId) -> u16 {
    groups.get(usize::from(class.0)).copied().unwrap_or(class.0)
}
