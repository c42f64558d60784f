//! People who come together and stay: near to each other, unlike a crowd that only is in a zone.

use std::time::Duration;

use super::{Log, episode::Episode, hidden::Present};
use crate::{geometry::Polygon, track::Track};

/// Neighbours stand at most so far from each other, in their own heights.
const NEAR: f32 = 1.0;

/// Who goes faster, in own heights a second, passes by.
const PASSES: f32 = 0.5;

/// One incident an episode, of the largest group.
#[derive(Debug)]
pub(crate) struct Gathering {
    present: Present,
    min_count: u32,
    episode: Episode,
}

impl Gathering {
    /// # Errors
    /// A count below 2.
    pub(crate) fn new(
        zone: Polygon,
        min_count: u32,
        min_duration: Duration,
    ) -> Result<Self, String> {
        if min_count < 2 {
            return Err(format!("min_count {min_count} is no gathering"));
        }
        Ok(Gathering {
            present: Present::new(zone),
            min_count,
            episode: Episode::new(min_duration),
        })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        let mut here = self.present.step(tracks, log);
        here.retain(|track| {
            let (x, y) = track.velocity;
            (x * log.aspect).hypot(y) < PASSES * track.rect.h
        });
        let group = largest_group(here, log.aspect);
        let gathered = group.len() >= self.min_count as usize;
        self.episode.step(gathered, group, log);
    }
}

/// The most who are linked by neighbours.
fn largest_group(mut left: Vec<Track>, aspect: f32) -> Vec<Track> {
    let mut best = Vec::new();
    while let Some(first) = left.pop() {
        let (mut group, mut next) = (vec![first], 0);
        while let Some(member) = group.get(next).copied() {
            next += 1;
            let (near, far): (Vec<Track>, Vec<Track>) = left
                .into_iter()
                .partition(|track| is_near(&member, track, aspect));
            group.extend(near);
            left = far;
        }
        if group.len() > best.len() {
            best = group;
        }
    }
    best
}

fn is_near(a: &Track, b: &Track, aspect: f32) -> bool {
    let (p, q) = (a.rect.foot(), b.rect.foot());
    let far = ((p.x - q.x) * aspect).hypot(p.y - q.y);
    far < NEAR * (a.rect.h + b.rect.h) / 2.0
}
