//! Pictures made on the spot: noise, light, clocks, and things that move.

use proptest::prelude::*;

use super::*;
use crate::camera::{
    luma,
    picture::{Colour, Format, Picture, Plane},
};

const SIZE: (usize, usize) = (640, 360);

/// A grey street with texture, and sensor noise of about `noise` code values.
fn street(seed: u64, noise: i32, light: impl Fn(usize, usize) -> f32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as i32
    };
    let (width, height) = SIZE;
    (0..width * height)
        .map(|i| {
            let (x, y) = (i % width, i / width);
            let texture = 90.0 + 30.0 * ((x / 24 + y / 18) % 3) as f32;
            let value = (texture * light(x, y)) as i32 + random() % (2 * noise + 1) - noise;
            value.clamp(0, 255) as u8
        })
        .collect()
}

fn paint(luma: &mut [u8], (x, y): (usize, usize), (w, h): (usize, usize), value: u8) {
    for row in luma.chunks_exact_mut(SIZE.0).skip(y).take(h) {
        let right = (x + w).min(SIZE.0);
        row[x.min(right)..right].fill(value);
    }
}

fn see(detector: &mut MotionDetector, luma: &[u8], at: f32) -> Motion {
    let plane = Plane {
        data: luma,
        stride: SIZE.0,
    };
    let (width, height) = (SIZE.0 as u32, SIZE.1 as u32);
    let planes = [plane, Plane::NONE, Plane::NONE];
    let picture = Picture::new(
        (width, height),
        Format::Gray,
        planes,
        Colour::unsaid(height),
    );
    let at = Duration::from_secs_f32(at);
    let luma = luma::of(&picture.expect("whole"));
    let motion = detector.look(&luma, (width, height), at);
    detector.learn(at);
    motion
}

/// Looks at `count` pictures five times a second from `from` seconds on; gives in which something moved.
fn watch(
    detector: &mut MotionDetector,
    from: f32,
    count: usize,
    picture: impl Fn(usize) -> Vec<u8>,
) -> Vec<usize> {
    (0..count)
        .filter(|i| see(detector, &picture(*i), from + *i as f32 / 5.0).moving)
        .collect()
}

fn settled(noise: i32) -> MotionDetector {
    let mut detector = MotionDetector::default();
    watch(&mut detector, 0.0, 60, |i| {
        street(i as u64, noise, |_, _| 1.0)
    });
    detector
}

#[test]
fn noise_and_light_do_not_move() {
    let mut detector = settled(12);
    let quiet = watch(&mut detector, 12.0, 200, |i| {
        street(900 + i as u64, 12, |_, _| 1.0)
    });
    assert!(quiet.is_empty(), "noise: {quiet:?}");
    let hunting = watch(&mut detector, 52.0, 40, |i| {
        street(i as u64, 12, |_, _| 1.0 + 0.25 * (i as f32 / 6.0).sin())
    });
    assert!(hunting.len() <= 2, "exposure: {hunting:?}");
    let mut detector = settled(4);
    let cloud = watch(&mut detector, 12.0, 100, |i| {
        // A soft shadow, a third of the picture wide, that passes in twenty seconds.
        let middle = i as f32 * 12.0 - 400.0;
        street(i as u64, 4, |x, _| {
            1.0 - 0.2 * (-((x as f32 - middle) / 160.0).powi(2)).exp()
        })
    });
    assert!(cloud.len() <= 20, "a cloud: {cloud:?}");
}

#[test]
fn a_small_pale_walker_moves_in_every_picture_and_no_longer_than_that() {
    let mut detector = settled(8);
    let moved = watch(&mut detector, 12.0, 60, |i| {
        let mut luma = street(i as u64, 8, |_, _| 1.0);
        if i < 40 {
            paint(&mut luma, (100 + 6 * i, 180), (9, 24), 150);
        }
        luma
    });
    assert!((0..40).all(|i| moved.contains(&i)), "{moved:?}");
    let last = moved.last().copied().unwrap_or_default();
    assert!(last < 47, "it has left at 40 and is seen until {last}");
}

#[test]
fn what_stops_is_still_soon_and_moves_again_when_it_leaves() {
    let mut detector = settled(8);
    let moved = watch(&mut detector, 12.0, 120, |i| {
        let mut luma = street(i as u64, 8, |_, _| 1.0);
        match i {
            0..20 => paint(&mut luma, (100 + 5 * i, 150), (40, 60), 30),
            20..100 => paint(&mut luma, (200, 150), (40, 60), 30),
            _ => paint(&mut luma, (200 + 5 * (i - 100), 150), (40, 60), 30),
        }
        luma
    });
    assert!(!moved.contains(&60) && !moved.contains(&95), "{moved:?}");
    assert!(moved.contains(&102), "{moved:?}");
}

#[test]
fn a_clock_is_learned_and_traffic_at_the_margin_is_not() {
    let clock = |luma: &mut [u8], i: usize| {
        paint(luma, (500 + (i * 7) % 60, 6), (12, 12), 235);
    };
    let mut detector = settled(4);
    let moved = watch(&mut detector, 12.0, 300, |i| {
        let mut luma = street(i as u64, 4, |_, _| 1.0);
        clock(&mut luma, i);
        luma
    });
    assert!(!moved.is_empty(), "it moves at first");
    assert!(moved.iter().all(|i| *i < 150), "and is learned: {moved:?}");
    let mut detector = settled(4);
    let passing = |i: usize| {
        let mut luma = street(i as u64, 4, |_, _| 1.0);
        paint(&mut luma, ((i * 40) % 640, 250), (80, 110), 230);
        luma
    };
    let moved = watch(&mut detector, 12.0, 300, passing);
    assert_eq!(moved.len(), 300, "cars that reach into the margin");
}

#[test]
fn a_mask_hides_what_moves_behind_it() {
    let flag = |i: usize| {
        let mut luma = street(i as u64, 4, |_, _| 1.0);
        paint(&mut luma, (400 + (i * 13) % 40, 60), (40, 40), 250);
        luma
    };
    let mut open = settled(4);
    assert!(watch(&mut open, 12.0, 20, flag).len() > 15);
    let mut masked = MotionDetector::new(|x, y| x > 0.5 && y < 0.5);
    watch(&mut masked, 0.0, 60, |i| street(i as u64, 4, |_, _| 1.0));
    let moved = watch(&mut masked, 12.0, 20, flag);
    assert!(moved.is_empty(), "{moved:?}");
}

#[test]
fn the_first_picture_and_another_size_move() {
    let mut detector = MotionDetector::default();
    let luma = street(1, 1, |_, _| 1.0);
    assert!(see(&mut detector, &luma, 0.0).moving);
    assert!(!see(&mut detector, &luma, 0.2).moving);
    let rgb = vec![0; 320 * 180 * 3];
    let picture = Picture::rgb((320, 180), &rgb).expect("whole");
    let other = luma::of(&picture);
    let at = Duration::from_secs(1);
    assert!(detector.look(&other, (320, 180), at).moving);
}

proptest! {
    #[test]
    fn every_size_is_read(width in 1u32..300, height in 1u32..200, value: u8) {
        let rgb = vec![value; (width * height * 3) as usize];
        let picture = Picture::rgb((width, height), &rgb).expect("whole");
        let mut out = vec![0.0; CELLS];
        cells(&luma::of(&picture), &mut out);
        prop_assert!(out.iter().all(|cell| (cell - f32::from(value)).abs() < 1e-3));
    }

    #[test]
    fn a_blur_is_a_mean_of_what_lies_around(values in prop::collection::vec(0u8..=255, CELLS), at in 0..CELLS) {
        let from: Vec<f32> = values.iter().map(|v| f32::from(*v)).collect();
        let mut out = vec![0.0; CELLS];
        blur(&from, &mut out);
        let (row, column) = (at / COLUMNS, at % COLUMNS);
        let rows = row.saturating_sub(REACH)..(row + REACH + 1).min(ROWS);
        let columns = column.saturating_sub(REACH)..(column + REACH + 1).min(COLUMNS);
        let inside: Vec<f32> = rows.flat_map(|r| columns.clone().map(move |c| (r, c))).map(|(r, c)| from[r * COLUMNS + c]).collect();
        let mean = inside.iter().sum::<f32>() / inside.len() as f32;
        prop_assert!((out[at] - mean).abs() < 0.05, "{} {}", out[at], mean);
    }
}
