//! What of a clip's pictures is covered before they leave: static masks, and the people whom the incident is not about.
//!
//! As far as boxes are known: between two looks a person is covered where both boxes are and all between them, and a
//! little around that. Who was never detected is not covered.

use std::{sync::Arc, time::Duration};

use analytics::geometry::Rect;

use super::sidecar::{Place, Trace};
use crate::{camera::canvas::Canvas, evidence::privacy::Privacy};

/// A box covers for so long before and after its look, where there is no other.
const HOLDS_MS: i64 = 1500;
/// So much is covered around a box, as a share of its own sides.
const AROUND: f32 = 0.1;
/// Squares of a person that is covered, across its box.
const SQUARES: usize = 5;
/// Squares have at least so many pixels a side: a face of 16 pixels is known by nobody.
const SQUARE: usize = 16;
/// What is covered in the pictures of one clip.
#[derive(Debug)]
pub struct Veil {
    privacy: Arc<Privacy>,
    people: Vec<Vec<Place>>,
}

impl Veil {
    /// Covers what `privacy` masks, and of the tracks those of the classes `hidden` which do not take part.
    pub fn new(privacy: Arc<Privacy>, hidden: &[String], tracks: &[Trace]) -> Veil {
        let people = tracks
            .iter()
            .filter(|track| !track.takes_part && hidden.contains(&track.class));
        Veil {
            privacy,
            people: people.map(|track| track.boxes.clone()).collect(),
        }
    }

    /// Covers a picture that is shown so long after the clip's beginning.
    pub fn cover(&self, canvas: &mut Canvas<'_>, at: Duration) {
        let at_ms = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
        // Before, so that no square's colour tells of what is masked; and again, since squares reach into masks.
        self.privacy.burn_canvas(canvas);
        for person in &self.people {
            if let Some(rect) = place(person, at_ms) {
                pixelate(canvas, rect);
            }
        }
        self.privacy.burn_canvas(canvas);
    }
}

/// Where somebody is at a time: everywhere between the looks before and after it.
fn place(boxes: &[Place], at_ms: i64) -> Option<Rect> {
    let after = boxes.partition_point(|place| place.at_ms < at_ms);
    let before = after.checked_sub(1).and_then(|i| boxes.get(i));
    let near = [before, boxes.get(after)].into_iter().flatten();
    let near = near.filter(|place| (place.at_ms - at_ms).abs() <= HOLDS_MS);
    let whole = near.map(Place::rect).reduce(|a, b| a.union(&b))?;
    Some(Rect {
        x: whole.x - whole.w * AROUND,
        y: whole.y - whole.h * AROUND,
        w: whole.w * (1.0 + 2.0 * AROUND),
        h: whole.h * (1.0 + 2.0 * AROUND),
    })
}

/// Makes squares of one colour out of a part of the picture.
fn pixelate(canvas: &mut Canvas<'_>, rect: Rect) {
    let pixels = |share: f32, length: usize| (share.clamp(0.0, 1.0) * length as f32) as usize;
    let (left, right) = (
        pixels(rect.x, canvas.width),
        pixels(rect.x + rect.w, canvas.width),
    );
    let (top, bottom) = (
        pixels(rect.y, canvas.height),
        pixels(rect.y + rect.h, canvas.height),
    );
    // A multiple of two: chroma has half of it.
    let square = ((right - left) / SQUARES).max(SQUARE).next_multiple_of(2);
    let (left, top) = (left / 2 * 2, top / 2 * 2);
    for y in (top..bottom).step_by(square) {
        for x in (left..right).step_by(square) {
            average(canvas, (x, y), square);
        }
    }
}

fn average(canvas: &mut Canvas<'_>, (x, y): (usize, usize), square: usize) {
    for (plane, share) in canvas.planes.iter_mut().zip([1, 2, 2]) {
        let (x, y, side) = (x / share, y / share, square / share);
        let (mut sum, mut count) = (0_u32, 0_u32);
        for row in y..y + side {
            let samples = plane.row(row, x..x + side);
            sum += samples.iter().map(|sample| u32::from(*sample)).sum::<u32>();
            count += samples.len() as u32;
        }
        let mean = (sum / count.max(1)) as u8;
        for row in y..y + side {
            plane.row(row, x..x + side).fill(mean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_at(at_ms: i64, x: f32) -> Place {
        Place {
            at_ms,
            r#box: [x, 0.2, 0.1, 0.4],
        }
    }

    #[test]
    fn between_two_looks_a_person_is_covered_where_both_are() {
        let boxes = [place_at(0, 0.1), place_at(1000, 0.5)];
        let covered = place(&boxes, 400).expect("between the looks");
        assert!(
            covered.x <= 0.1 && covered.x + covered.w >= 0.6,
            "{covered:?}"
        );
        assert!(place(&boxes, 2400).is_some(), "held for a while");
        assert_eq!(place(&boxes, 2600), None);
        assert_eq!(place(&boxes, -1600), None);
        assert_eq!(place(&[], 0), None);
    }

    #[test]
    fn those_who_take_part_and_things_stay_as_they_are() {
        let trace = |class: &str, takes_part| Trace {
            track_id: 1,
            class: class.to_owned(),
            takes_part,
            boxes: vec![place_at(0, 0.1)],
        };
        let tracks = [
            trace("person", true),
            trace("car", false),
            trace("person", false),
        ];
        let hidden = ["person".to_owned()];
        let veil = Veil::new(Arc::default(), &hidden, &tracks);
        assert_eq!(veil.people.len(), 1);
    }
}
