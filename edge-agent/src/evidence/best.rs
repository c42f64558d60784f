//! How well a frame shows the objects of an incident.

use analytics::{
    geometry::Rect,
    track::{Track, TrackId},
};

use crate::camera::picture::{Format, Picture};

/// Of a crowd so many are looked at.
const LOOKED_AT: usize = 8;

/// What is larger than this share of the picture shows no more.
const LARGE: f32 = 0.15;

/// A box nearer to the picture's edge than this is cut off there.
const EDGE: f32 = 0.004;

/// Mean second difference of luma at which something is half sharp.
const HALF_SHARP: f32 = 6.0;

/// Samples along each side of an object.
const SAMPLES: u32 = 48;

/// 0..=1: the mean over the objects with these tracks of score x size x sharpness x how much of it is in the picture x how much
/// is not behind others. What is not seen in the frame counts as nothing.
pub fn worth(picture: &Picture<'_>, objects: &[TrackId], tracks: &[Track]) -> f32 {
    let objects = &objects[..objects.len().min(LOOKED_AT)];
    let shown = objects.iter().filter_map(|id| {
        let track = tracks.iter().find(|track| track.id == *id && track.seen)?;
        Some(worth_of(picture, track, tracks))
    });
    shown.sum::<f32>() / objects.len().max(1) as f32
}

fn worth_of(picture: &Picture<'_>, track: &Track, tracks: &[Track]) -> f32 {
    let rect = track.detected;
    let size = (rect.area().min(LARGE) / LARGE).sqrt();
    track.score * size * sharpness(picture, &rect) * whole(&rect) * clear(track, tracks)
}

/// How much of a box is in the picture; what the edge cuts is larger than its box says.
fn whole(rect: &Rect) -> f32 {
    const PICTURE: Rect = Rect {
        x: 0.0,
        y: 0.0,
        w: 1.0,
        h: 1.0,
    };
    let inside = rect.shared(&PICTURE) / rect.area().max(f32::MIN_POSITIVE);
    let (right, bottom) = (rect.x + rect.w, rect.y + rect.h);
    let cut = rect.x.min(rect.y) < EDGE || right.max(bottom) > 1.0 - EDGE;
    inside * if cut { 0.5 } else { 1.0 }
}

/// How much of it no single other hides: whoever stands lower in the picture is in front.
fn clear(track: &Track, tracks: &[Track]) -> f32 {
    let rect = track.detected;
    let in_front =
        |other: &&Track| other.id != track.id && other.rect.y + other.rect.h > rect.y + rect.h;
    let hidden = tracks.iter().filter(in_front);
    let hidden = hidden.map(|other| other.rect.shared(&rect) / rect.area().max(f32::MIN_POSITIVE));
    1.0 - hidden.fold(0.0, f32::max).min(1.0)
}

/// 0..1: how much neighbouring pixels differ within a box.
fn sharpness(picture: &Picture<'_>, rect: &Rect) -> f32 {
    let step = if picture.format == Format::Rgb { 3 } else { 1 };
    let plane = picture.planes[0];
    // Of RGB the green one, which is most of luma.
    let value = |x: u32, y: u32| {
        let at = y as usize * plane.stride + x as usize * step + step / 2;
        f32::from(plane.data.get(at).copied().unwrap_or_default())
    };
    let along = |from: f32, length: f32, pixels: u32| {
        let last = pixels.saturating_sub(2).max(1);
        let pixel = move |share: f32| ((share * pixels as f32) as u32).clamp(1, last);
        let (from, to) = (pixel(from), pixel(from + length));
        (from..=to.max(from)).step_by(((to.max(from) - from) / SAMPLES + 1) as usize)
    };
    if picture.width < 3 || picture.height < 3 {
        return 0.0;
    }
    let (mut sum, mut count) = (0.0, 0.0);
    for y in along(rect.y, rect.h, picture.height) {
        for x in along(rect.x, rect.w, picture.width) {
            let middle = 2.0 * value(x, y);
            sum += (middle - value(x - 1, y) - value(x + 1, y)).abs();
            sum += (middle - value(x, y - 1) - value(x, y + 1)).abs();
            count += 2.0;
        }
    }
    let mean = sum / count;
    mean / (mean + HALF_SHARP)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use analytics::detection::ClassId;

    use super::*;

    const SIZE: (u32, u32) = (160, 90);

    fn track(id: u64, x: f32, y: f32, w: f32, h: f32) -> Track {
        let rect = Rect { x, y, w, h };
        Track {
            id: TrackId(id),
            class: ClassId(0),
            seen_as: ClassId(0),
            score: 0.8,
            score_median: 0.8,
            rect,
            detected: rect,
            velocity: (0.0, 0.0),
            speed: None,
            displacement: 0.0,
            first_seen: Duration::ZERO,
            last_seen: Duration::ZERO,
            hits: 5,
            confirmed: true,
            seen: true,
        }
    }

    /// Squares of `side` pixels: the larger, the less sharp.
    fn chequered(side: u32) -> Vec<u8> {
        let pixels = (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| (x, y)));
        let grey = pixels.map(|(x, y)| {
            if (x / side + y / side).is_multiple_of(2) {
                30
            } else {
                180
            }
        });
        grey.flat_map(|grey| [grey; 3]).collect()
    }

    fn of(data: &[u8], tracks: &[Track]) -> f32 {
        let picture = Picture::rgb(SIZE, data).expect("whole");
        worth(&picture, &[TrackId(1)], tracks)
    }

    #[test]
    fn large_sharp_whole_and_in_front_is_better() {
        let (sharp, dull) = (chequered(2), chequered(30));
        let usual = of(&sharp, &[track(1, 0.4, 0.4, 0.1, 0.3)]);
        assert!((0.0..=1.0).contains(&usual) && usual > 0.0, "{usual}");
        let worse = [
            of(&dull, &[track(1, 0.4, 0.4, 0.1, 0.3)]),
            of(&sharp, &[track(1, 0.4, 0.4, 0.05, 0.15)]),
            of(&sharp, &[track(1, 0.0, 0.4, 0.1, 0.3)]),
            of(
                &sharp,
                &[track(1, 0.4, 0.4, 0.1, 0.3), track(2, 0.42, 0.5, 0.1, 0.3)],
            ),
            of(
                &sharp,
                &[Track {
                    seen: false,
                    ..track(1, 0.4, 0.4, 0.1, 0.3)
                }],
            ),
        ];
        assert!(
            worse.iter().all(|worse| *worse < 0.8 * usual),
            "{worse:?} {usual}"
        );
        let behind = [track(1, 0.4, 0.4, 0.1, 0.3), track(2, 0.42, 0.3, 0.1, 0.3)];
        assert_eq!(of(&sharp, &behind), usual, "the other is the one behind");
    }

    #[test]
    fn a_box_anywhere_and_a_picture_of_any_size_are_judged() {
        let data = vec![0; 3];
        let picture = Picture::rgb((1, 1), &data).expect("whole");
        let tracks = [track(1, -0.5, 0.9, 2.0, 0.7)];
        assert_eq!(worth(&picture, &[TrackId(1)], &tracks), 0.0);
        assert!(of(&chequered(2), &tracks) > 0.0);
        assert_eq!(worth(&picture, &[], &tracks), 0.0);
    }
}
