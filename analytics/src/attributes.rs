//! What second models say of tracks, over time: a label by vote, an appearance by its mean; and which tracks are to be
//! looked at next.
//!
//! A cascade is a second model that looks at the crops of the first model's objects. It costs what it looks at, so each has
//! a budget of looks a second. Who has never been looked at goes first, then who has been looked at least often, then who has
//! waited longest. Pure: time arrives with the frame, and so do the answers.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use crate::{
    detection::ClassId,
    geometry::Rect,
    track::{Track, TrackId},
};

/// So many looks follow each other as the budget allows: a single crop may be blurred or half hidden.
const FIRST_LOOKS: u32 = 3;

/// Looks that may be saved up while there is nothing to look at, in seconds of the budget.
const SAVED: f32 = 1.0;

/// Which tracks a cascade looks at, and how often.
#[derive(Clone, Debug, PartialEq)]
pub struct CascadeSettings {
    /// Classes of the first model; none means all.
    pub classes: Vec<ClassId>,
    /// Boxes must be so high at least, as a share of the picture's height.
    pub min_height: f32,
    /// After its first looks a track is looked at again after so long.
    pub again: Duration,
    /// Looks a second, all tracks of the camera together.
    pub per_second: f32,
}

/// A look that is wanted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Wish {
    /// Place of the cascade in its camera's list.
    pub cascade: usize,
    /// The track.
    pub track: TrackId,
    /// Where it was seen last.
    pub rect: Rect,
}

/// What a second model says of one crop.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The likeliest label, by its place in the model's list, and its score of 0 to 1.
    Label {
        /// Place in the list.
        class: usize,
        /// How sure the model is.
        score: f32,
    },
    /// An embedding of length 1: crops of the same object lie close to each other.
    Appearance(Vec<f32>),
}

/// A wish that was fulfilled.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// As [`Wish::cascade`].
    pub cascade: usize,
    /// As [`Wish::track`].
    pub track: TrackId,
    /// What the model says.
    pub answer: Answer,
}

/// A label that was voted on a track.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Label {
    /// As [`Wish::cascade`].
    pub cascade: usize,
    /// Place in the model's list of labels.
    pub class: usize,
    /// Its share of all votes, 0 to 1.
    pub share: f32,
}

/// What is known of one camera's tracks.
#[derive(Debug)]
pub struct Attributes {
    cascades: Vec<Cascade>,
}

#[derive(Debug)]
struct Cascade {
    settings: CascadeSettings,
    /// Looks that the budget has room for.
    credit: f32,
    refilled: Duration,
    tracks: BTreeMap<TrackId, Known>,
}

#[derive(Debug, Default)]
struct Known {
    looks: u32,
    asked: Option<Duration>,
    /// Sum of scores a label.
    votes: Vec<(usize, f32)>,
    /// Sum of embeddings.
    appearance: Vec<f32>,
}

impl Attributes {
    /// Nothing known yet, with these cascades.
    pub fn new(cascades: Vec<CascadeSettings>) -> Attributes {
        let cascades = cascades.into_iter().map(|settings| Cascade {
            credit: settings.per_second * SAVED,
            settings,
            refilled: Duration::ZERO,
            tracks: BTreeMap::new(),
        });
        Attributes {
            cascades: cascades.collect(),
        }
    }

    /// The looks that are wanted at `now`, as far as budgets reach; tracks that are gone are forgotten.
    pub fn wishes(&mut self, now: Duration, tracks: &[Track]) -> Vec<Wish> {
        let cascades = self.cascades.iter_mut().enumerate();
        cascades
            .flat_map(|(place, cascade)| cascade.wishes(place, now, tracks))
            .collect()
    }

    /// Takes an answer; one about a track that is gone is dropped.
    pub fn note(&mut self, answered: Answered) {
        let cascade = self.cascades.get_mut(answered.cascade);
        if let Some(known) = cascade.and_then(|c| c.tracks.get_mut(&answered.track)) {
            known.note(answered.answer);
        }
    }

    /// The labels of a track, at most one a cascade.
    pub fn labels(&self, track: TrackId) -> Vec<Label> {
        let cascades = self.cascades.iter().enumerate();
        let labels = cascades.filter_map(|(cascade, c)| {
            let (class, share) = c.tracks.get(&track)?.label()?;
            Some(Label {
                cascade,
                class,
                share,
            })
        });
        labels.collect()
    }

    /// The mean appearance of a track, of length 1, where a cascade gives embeddings.
    pub fn appearance(&self, cascade: usize, track: TrackId) -> Option<Vec<f32>> {
        let known = self.cascades.get(cascade)?.tracks.get(&track)?;
        unit(&known.appearance)
    }
}

impl Cascade {
    fn wishes(&mut self, cascade: usize, now: Duration, tracks: &[Track]) -> Vec<Wish> {
        self.tracks
            .retain(|id, _| tracks.iter().any(|track| track.id == *id));
        let since = now.saturating_sub(self.refilled).as_secs_f32();
        self.refilled = now;
        let most = (self.settings.per_second * SAVED).max(1.0);
        self.credit = (self.credit + since * self.settings.per_second).min(most);
        let mut due: Vec<&Track> = tracks
            .iter()
            .filter(|track| self.is_due(track, now))
            .collect();
        due.sort_by_key(|track| {
            let known = self.tracks.get(&track.id);
            let looks = known.map_or(0, |known| known.looks.min(FIRST_LOOKS));
            let waited =
                now.saturating_sub(known.and_then(|known| known.asked).unwrap_or_default());
            (looks, Reverse(waited), track.id)
        });
        let mut wishes = Vec::new();
        for track in due {
            if self.credit < 1.0 {
                break;
            }
            self.credit -= 1.0;
            self.tracks.entry(track.id).or_default().asked = Some(now);
            wishes.push(Wish {
                cascade,
                track: track.id,
                rect: track.detected,
            });
        }
        wishes
    }

    fn is_due(&self, track: &Track, now: Duration) -> bool {
        let settings = &self.settings;
        let suits = track.confirmed
            && track.seen
            && track.detected.h >= settings.min_height
            && (settings.classes.is_empty() || settings.classes.contains(&track.class));
        suits
            && self.tracks.get(&track.id).is_none_or(|known| {
                let waited = now.saturating_sub(known.asked.unwrap_or_default());
                known.looks < FIRST_LOOKS || waited >= settings.again
            })
    }
}

impl Known {
    fn note(&mut self, answer: Answer) {
        self.looks = self.looks.saturating_add(1);
        match answer {
            Answer::Label { class, score } => {
                match self.votes.iter_mut().find(|(c, _)| *c == class) {
                    Some((_, votes)) => *votes += score,
                    None => self.votes.push((class, score)),
                }
            }
            Answer::Appearance(embedding) if self.appearance.len() == embedding.len() => {
                let sums = self.appearance.iter_mut().zip(embedding);
                sums.for_each(|(sum, value)| *sum += value);
            }
            Answer::Appearance(embedding) => self.appearance = embedding,
        }
    }

    fn label(&self) -> Option<(usize, f32)> {
        let all: f32 = self.votes.iter().map(|(_, votes)| votes).sum();
        let best = self.votes.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        best.filter(|_| all > 0.0)
            .map(|(class, votes)| (*class, votes / all))
    }
}

/// The vector with length 1; nothing where it has none.
pub(crate) fn unit(vector: &[f32]) -> Option<Vec<f32>> {
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    let sound = length.is_finite() && length > 0.0;
    sound.then(|| vector.iter().map(|v| v / length).collect())
}

#[cfg(test)]
#[path = "attributes_tests.rs"]
mod tests;
