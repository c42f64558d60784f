//! A track with what is needed to follow it.

use std::time::Duration;

use super::{Track, TrackId, TrackerSettings, cue::Memory, filter::Filter, pace::Pace};
use crate::{
    detection::{ClassId, Detection},
    geometry::{Point, Rect},
    ground::Ground,
};

#[derive(Clone, Debug)]
pub(super) struct Followed {
    pub(super) track: Track,
    pub(super) filter: Filter,
    /// What it may be taken for; see [`super::ClassGroups`].
    pub(super) group: u16,
    /// When a sure detection last continued it.
    pub(super) last_sure: Duration,
    /// How it looks.
    pub(super) memory: Memory,
    /// Sum of its scores a class.
    votes: Vec<(ClassId, f32)>,
    scores: Scores,
    pace: Pace,
    /// Where its middle was first seen.
    origin: Point,
    /// Sum of its scores.
    belief: f32,
}

impl Followed {
    pub(super) fn new(id: TrackId, group: u16, now: Duration, det: &Detection) -> Self {
        let mut scores = Scores::new();
        scores.add(det.score);
        Followed {
            track: Track {
                id,
                class: det.class,
                seen_as: det.class,
                score: det.score,
                score_median: scores.median(),
                rect: det.rect,
                detected: det.rect,
                velocity: (0.0, 0.0),
                speed: None,
                displacement: 0.0,
                first_seen: now,
                last_seen: now,
                hits: 1,
                confirmed: false,
                seen: true,
            },
            filter: Filter::new(&det.rect),
            group,
            last_sure: now,
            memory: Memory::default(),
            votes: vec![(det.class, det.score)],
            scores,
            pace: Pace::default(),
            origin: det.rect.centre(),
            belief: det.score,
        }
    }

    /// Where it should be `dt` seconds later, not seen so far.
    pub(super) fn predict(&mut self, dt: f32) {
        self.filter.predict(dt);
        self.track.rect = self.filter.rect();
        self.track.velocity = self.filter.velocity();
        self.track.seen = false;
    }

    /// Goes on with a detection.
    pub(super) fn take(
        &mut self,
        now: Duration,
        det: &Detection,
        settings: &TrackerSettings,
        ground: Option<&Ground>,
    ) {
        if let Some(ground) = ground {
            self.pace.note(now, &det.rect, ground);
        }
        self.filter.correct(&det.rect);
        self.scores.add(det.score);
        self.belief += det.score;
        if det.score >= settings.high_score {
            self.last_sure = now;
        }
        match self.votes.iter_mut().find(|(class, _)| *class == det.class) {
            Some((_, votes)) => *votes += det.score,
            None => self.votes.push((det.class, det.score)),
        }
        let best = self.votes.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        let track = &mut self.track;
        track.class = best.map_or(det.class, |(class, _)| *class);
        let centre = det.rect.centre();
        let away = (centre.x - self.origin.x).hypot(centre.y - self.origin.y);
        track.displacement = track.displacement.max(away);
        track.speed = self.pace.speed();
        track.seen_as = det.class;
        track.score = det.score;
        track.score_median = self.scores.median();
        track.rect = at_border(self.filter.rect(), &det.rect);
        track.detected = det.rect;
        track.velocity = self.filter.velocity();
        track.last_seen = now;
        track.hits = track.hits.saturating_add(1);
        track.seen = true;
        track.confirmed |= self.belief >= settings.belief;
    }
}

/// How near to the picture's lower border a detection counts as cut by it.
const CUT: f32 = 0.02;

/// The filtered box, but with the detection's lower edge where the picture cuts it: middle and height of what is visible
/// change against each other while an object comes in, and the filter would put its foot point into the picture.
fn at_border(filtered: Rect, det: &Rect) -> Rect {
    let foot = det.y + det.h;
    if (foot - 1.0).abs() >= CUT {
        return filtered;
    }
    let h = (foot - filtered.y).max(0.0);
    Rect { h, ..filtered }
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
