//! What lies in the scene that did not, and what is missing: a background model at two rates.
//!
//! The slow picture is the scene without what passes: it follows by a few code values a minute. The fast one is a mean of the last
//! second. Where both differ for long while the picture itself stands still, something was left there or taken away; edges tell
//! which: what lies there has an outline, what was taken had one. No model is asked, so things of no known class count. Light is not
//! a thing: what it did is taken off place by place, and where the outline is soft, or the ground shows through, it is a shadow or a lamp.

use std::time::Duration;

use super::{
    blobs::{Blob, blobs},
    field::slopes,
    light::relit,
    luma::Luma,
};
use crate::geometry::Rect;

/// Seconds over which the fast picture is a mean.
const FAST: f32 = 0.7;
/// Seconds in which the slow picture is learned as a mean; nothing is said before.
const FIRST: f32 = 6.0;
/// Code values a second by which the slow picture follows, then.
const SLOW: f32 = 0.5;
/// Differences of the two are looked at from so many code values on, and from so many times the noise.
const LEAST: f32 = 8.0;
const NOISE: f32 = 6.0;
/// Most of that, in code values: at night noise is no excuse for seeing nothing.
const MOST: f32 = 20.0;
/// Seconds for which a cell must differ and stand still.
const SETTLED: f32 = 2.0;
/// By so much an outline must be stronger in one picture than in the other.
const OUTLINE: f32 = 1.25;
/// An outline is sharp from this share of the thing's contrast a cell on.
const SHARP: f32 = 0.12;
/// The ground shows through where slopes agree by so much, as a mean of cosines; weaker ones, in code values a cell, tell nothing.
const THROUGH: f32 = 0.5;
const TEXTURE: f32 = 1.5;
/// Looks that tell as much as any number of them.
const ENOUGH: i32 = 25;
/// A thing that is not seen for so many seconds is no more.
const GONE: f32 = 1.5;
/// What has lain for so many seconds belongs to the scene: that it is gone is worth a word.
const BELONGS: f32 = 10.0;
/// Share of a change of light that the slow picture takes in a second.
const FOLLOWS: f32 = 0.1;

/// What happened to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was put there.
    Left,
    /// It was taken away.
    Taken,
}

/// A thing that was left or taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thing {
    /// Its number.
    pub id: u64,
    /// What happened to it.
    pub change: Change,
    /// Where it is, or was.
    pub rect: Rect,
    /// Since when it has, about.
    pub since: Duration,
}

/// A thing that is followed.
#[derive(Debug)]
struct Known {
    id: u64,
    rect: Rect,
    since: Duration,
    seen: Duration,
    /// For how many looks it was held to be left, less those for which it was held to be taken.
    votes: i32,
    /// For how many it was held to be light.
    light: i32,
    /// It has been told: what comes later changes nothing.
    sure: bool,
}

/// What a blob looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Vote {
    Left,
    Taken,
    Light,
    Unsure,
}

impl Known {
    fn count(&mut self, vote: Vote) {
        let (votes, light) = match vote {
            Vote::Left => (1, 0),
            Vote::Taken => (-1, 0),
            Vote::Light => (0, 1),
            Vote::Unsure => (0, 0),
        };
        self.votes = (self.votes + votes).clamp(-ENOUGH, ENOUGH);
        self.light = (self.light + light).min(ENOUGH);
        // Enough looks agree.
        self.sure |= self.votes.abs() >= 3 && self.votes.abs() > 2 * self.light;
    }
}

/// One camera's background.
#[derive(Debug)]
pub(super) struct Background {
    /// Things are remembered for so long, then they belong to the scene.
    keep: Duration,
    slow: Vec<f32>,
    fast: Vec<f32>,
    /// Seconds for which a cell has differed and stood still.
    still: Vec<f32>,
    noise: f32,
    learned: f32,
    last: Option<Duration>,
    /// The slow picture in the light of the fast one.
    lit: Vec<f32>,
    things: Vec<Known>,
    /// Things that had been left, had become part of the scene to whoever knows it, and are gone.
    missing: Vec<Thing>,
    last_id: u64,
}

impl Background {
    pub(super) fn new(keep: Duration) -> Background {
        Background {
            keep,
            slow: Vec::new(),
            fast: Vec::new(),
            still: Vec::new(),
            noise: 2.0,
            learned: 0.0,
            last: None,
            lit: Vec::new(),
            things: Vec::new(),
            missing: Vec::new(),
            last_id: 0,
        }
    }

    /// Looks at a picture, given as `Luma`'s cells; gives the things there are.
    pub(super) fn look(&mut self, now: &[f32], at: Duration) -> Vec<Thing> {
        let Some(last) = self.last.replace(at) else {
            self.slow = now.to_vec();
            self.fast = now.to_vec();
            self.still = vec![0.0; now.len()];
            return Vec::new();
        };
        let seconds = at.saturating_sub(last).as_secs_f32().min(4.5);
        let share = 1.0 - (-seconds / FAST).exp();
        for (fast, now) in self.fast.iter_mut().zip(now) {
            *fast += share * (now - *fast);
        }
        self.lit = relit(&self.slow, &self.fast);
        self.learn(now, seconds);
        if self.learned < FIRST {
            return Vec::new();
        }
        self.compare(now, seconds);
        let found = blobs(&self.still, SETTLED);
        self.follow(&found, at);
        self.take_in(at);
        let told = self.things.iter().filter(|thing| thing.sure);
        let told = told.map(|thing| Thing {
            id: thing.id,
            change: if thing.votes > 0 {
                Change::Left
            } else {
                Change::Taken
            },
            rect: thing.rect,
            since: thing.since,
        });
        told.chain(self.missing.iter().copied()).collect()
    }

    /// Lets the slow picture follow, but where things are.
    fn learn(&mut self, now: &[f32], seconds: f32) {
        self.learned += seconds;
        if self.learned <= FIRST {
            let share = seconds / self.learned;
            for (slow, now) in self.slow.iter_mut().zip(now) {
                *slow += share * (now - *slow);
            }
            return;
        }
        let step = SLOW * seconds;
        let rects: Vec<Rect> = self.things.iter().map(|thing| thing.rect).collect();
        let rows = self
            .slow
            .chunks_exact_mut(Luma::COLUMNS)
            .zip(now.chunks_exact(Luma::COLUMNS));
        for (y, (slow, now)) in rows.enumerate() {
            let y = (y as f32 + 0.5) / Luma::ROWS as f32;
            let beside: Vec<&Rect> = rects
                .iter()
                .filter(|r| (r.y..=r.y + r.h).contains(&y))
                .collect();
            for (x, (slow, now)) in slow.iter_mut().zip(now).enumerate() {
                let x = (x as f32 + 0.5) / Luma::COLUMNS as f32;
                if !beside.iter().any(|r| (r.x..=r.x + r.w).contains(&x)) {
                    *slow += (now - *slow).clamp(-step, step);
                }
            }
        }
        let share = (FOLLOWS * seconds).min(1.0);
        for (slow, lit) in self.slow.iter_mut().zip(&self.lit) {
            *slow += share * (lit - *slow);
        }
    }

    /// Counts for how long each cell has differed and stood still. What is hidden by something that moves is as it was.
    fn compare(&mut self, now: &[f32], seconds: f32) {
        let least = (NOISE * self.noise).clamp(LEAST, MOST);
        let (mut unrest, mut count) = (0.0, 0.0);
        let cells = self
            .still
            .iter_mut()
            .zip(now)
            .zip(self.fast.iter().zip(&self.lit));
        for ((still, now), (fast, lit)) in cells {
            let differs = (fast - lit).abs();
            let moves = (now - fast).abs();
            if moves < 6.0 {
                unrest += moves;
                count += 1.0;
            }
            if differs > least && moves < (0.4 * differs).max(4.0) {
                *still += seconds;
            } else if differs < 0.6 * least {
                *still = (*still - 4.0 * seconds).clamp(0.0, 4.0 * SETTLED);
            }
        }
        let unrest: f32 = unrest / f32::max(count, 1.0);
        self.noise += 0.05 * (unrest - self.noise);
    }

    fn follow(&mut self, found: &[Blob], at: Duration) {
        for blob in found {
            let vote = self.vote(blob);
            let known = self.things.iter_mut().find(|thing| {
                thing.rect.iou(&blob.rect) > 0.3
                    || thing.rect.shared(&blob.rect) > 0.7 * blob.rect.area()
            });
            let Some(known) = known else {
                self.last_id += 1;
                let mut met = Known {
                    id: self.last_id,
                    rect: blob.rect,
                    since: at.saturating_sub(Duration::from_secs_f32(SETTLED)),
                    seen: at,
                    votes: 0,
                    light: 0,
                    sure: false,
                };
                met.count(vote);
                self.things.push(met);
                continue;
            };
            known.seen = at;
            known.count(vote);
            // Somebody who stands beside it makes it no larger.
            if blob.rect.area() < 1.5 * known.rect.area() {
                known.rect = blob.rect;
            }
        }
        let gone = |thing: &mut Known| at.saturating_sub(thing.seen).as_secs_f32() > GONE;
        for thing in self.things.extract_if(.., gone) {
            let lay = thing.seen.saturating_sub(thing.since).as_secs_f32();
            if thing.votes > 0 && thing.sure && lay >= BELONGS {
                self.last_id += 1;
                self.missing.push(Thing {
                    id: self.last_id,
                    change: Change::Taken,
                    rect: thing.rect,
                    since: thing.seen,
                });
            }
        }
    }

    fn vote(&self, blob: &Blob) -> Vote {
        let (across, down, columns, rows) = blob.window();
        let crop = |cells: &[f32]| -> Vec<f32> {
            let rows = cells.chunks_exact(Luma::COLUMNS).skip(down).take(rows);
            rows.flat_map(|row| row.iter().skip(across).take(columns).copied())
                .collect()
        };
        let (now, was) = (crop(&self.fast), crop(&self.lit));
        let inside = crop(&self.still);
        let (now_slopes, was_slopes) = (slopes(&now, columns), slopes(&was, columns));
        let covered = slopes(
            &inside
                .iter()
                .map(|s| f32::from(u8::from(*s >= SETTLED)))
                .collect::<Vec<_>>(),
            columns,
        );
        let (mut outline_now, mut outline_was, mut rim) = (0.0, 0.0, 0.0);
        for ((cover, now), was) in covered.iter().zip(&now_slopes).zip(&was_slopes) {
            if cover[0] != 0.0 || cover[1] != 0.0 {
                outline_now += now[0].hypot(now[1]);
                outline_was += was[0].hypot(was[1]);
                rim += 1.0;
            }
        }
        let differs = now
            .iter()
            .zip(&was)
            .zip(&inside)
            .filter(|(_, still)| **still >= SETTLED);
        let (sum, count) = differs.fold((0.0, 0.0), |(sum, count), ((now, was), _)| {
            (sum + (now - was).abs(), count + 1.0)
        });
        let contrast: f32 = sum / f32::max(count, 1.0);
        let sharp = outline_now.max(outline_was) / f32::max(rim, 1.0) >= SHARP * contrast;
        let slopes = now_slopes.iter().zip(&was_slopes);
        let inner =
            slopes
                .zip(inside.iter().zip(&covered))
                .filter_map(|(slopes, (still, cover))| {
                    (*still >= SETTLED && *cover == [0.0; 2]).then_some(slopes)
                });
        let through = shows_through(inner);
        if !sharp || through {
            Vote::Light
        } else if outline_now >= OUTLINE * outline_was {
            Vote::Left
        } else if outline_was >= OUTLINE * outline_now {
            Vote::Taken
        } else {
            Vote::Unsure
        }
    }

    /// Takes things that have lain for long into the scene.
    fn take_in(&mut self, at: Duration) {
        self.missing
            .retain(|thing| at.saturating_sub(thing.since) <= self.keep);
        let old = |thing: &Known| at.saturating_sub(thing.since) > self.keep;
        let rects: Vec<Rect> = self
            .things
            .iter()
            .filter(|t| old(t))
            .map(|t| t.rect)
            .collect();
        if rects.is_empty() {
            return;
        }
        self.things
            .retain(|thing| at.saturating_sub(thing.since) <= self.keep);
        let cells = self.slow.iter_mut().zip(&self.fast).zip(&mut self.still);
        for (i, ((slow, fast), still)) in cells.enumerate() {
            let x = ((i % Luma::COLUMNS) as f32 + 0.5) / Luma::COLUMNS as f32;
            let y = ((i / Luma::COLUMNS) as f32 + 0.5) / Luma::ROWS as f32;
            let inside =
                |r: &Rect| (r.x..=r.x + r.w).contains(&x) && (r.y..=r.y + r.h).contains(&y);
            if rects.iter().any(inside) {
                *slow = *fast;
                *still = 0.0;
            }
        }
    }
}

/// Whether the ground shows through: slopes of now and before mostly point the same way. Each counts the same, so that the edge of a
/// shadow, which is strong, is outvoted by the stones on either side of it.
fn shows_through<'s>(slopes: impl Iterator<Item = (&'s [f32; 2], &'s [f32; 2])>) -> bool {
    let (mut alike, mut count) = (0.0, 0.0);
    for ([ax, ay], [bx, by]) in slopes {
        let (a, b) = (ax.hypot(*ay), bx.hypot(*by));
        if a.max(b) < TEXTURE {
            continue;
        }
        count += 1.0;
        if a.min(b) > TEXTURE / 3.0 {
            alike += (ax * bx + ay * by) / (a * b);
        }
    }
    count >= 6.0 && alike >= THROUGH * count
}
