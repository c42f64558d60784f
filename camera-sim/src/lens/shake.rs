//! Wind on the pole: the picture moves by up to a few pixels, smoothly.

use crate::dice::noise;
use crate::sensor::Frame;
use crate::space::{Size, V2, v2};

/// Largest way at full strength, parts of the picture's height.
const REACH: f32 = 0.009;

/// How far a picture has moved at `time`, pixels to the right and down.
pub fn shift(strength: f32, size: Size, time: f32, seed: u64) -> V2 {
    let reach = REACH * strength * size.height as f32;
    let seed = seed as u32;
    let along = |salt: u32| {
        0.65 * noise(time * 1.7, 0.5, seed ^ salt) + 0.35 * noise(time * 6.1, 1.5, seed ^ salt)
    };
    v2(along(11), 0.7 * along(12)) * reach
}

/// Moves a picture by `way` pixels; what comes in from outside repeats the edge.
pub fn moved(frame: &mut Frame, way: V2) {
    let size = frame.size;
    let (w, h) = (size.width as usize, size.height as usize);
    let (luma, chroma) = frame.planes_mut();
    move_plane(luma, w, h, way);
    let (blue, red) = chroma.split_at_mut((w / 2) * (h / 2));
    for plane in [blue, red] {
        move_plane(plane, w / 2, h / 2, way * 0.5);
    }
}

/// Bilinear, with one weight for all pixels.
fn move_plane(plane: &mut [u8], w: usize, h: usize, way: V2) {
    let (x, y) = (-way.x, -way.y);
    let (whole_x, whole_y) = (x.floor() as i64, y.floor() as i64);
    let (fx, fy) = (
        ((x - x.floor()) * 128.0) as u32,
        ((y - y.floor()) * 128.0) as u32,
    );
    let old = plane.to_vec();
    let row_at = |y: i64| {
        let y = y.clamp(0, h as i64 - 1) as usize;
        &old[y * w..(y + 1) * w]
    };
    let (mut upper, mut lower) = (vec![0u8; w + 1], vec![0u8; w + 1]);
    for (row, out) in plane.chunks_exact_mut(w).enumerate() {
        let y = row as i64 + whole_y;
        pick(row_at(y), whole_x, &mut upper);
        pick(row_at(y + 1), whole_x, &mut lower);
        let pairs = upper.windows(2).zip(lower.windows(2));
        for (v, (a, b)) in out.iter_mut().zip(pairs) {
            let top = u32::from(a[0]) * (128 - fx) + u32::from(a[1]) * fx;
            let low = u32::from(b[0]) * (128 - fx) + u32::from(b[1]) * fx;
            *v = ((top * (128 - fy) + low * fy) >> 14) as u8;
        }
    }
}

/// `out` gets a row from column `from` on, its ends repeated.
fn pick(row: &[u8], from: i64, out: &mut [u8]) {
    let end = row.len() as i64 - 1;
    for (i, v) in out.iter_mut().enumerate() {
        *v = row[(i as i64 + from).clamp(0, end) as usize];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size {
        width: 64,
        height: 32,
    };

    #[test]
    fn a_spot_moves_by_whole_and_half_pixels() {
        let mut frame = Frame {
            size: SIZE,
            data: vec![20; 64 * 32 * 3 / 2],
        };
        frame.data[10 * 64 + 30] = 220;
        let (mut whole, mut half) = (frame.clone(), frame);
        moved(&mut whole, v2(3.0, 2.0));
        assert!(whole.data[12 * 64 + 33] > 215 && whole.data[10 * 64 + 30] < 25);
        moved(&mut half, v2(0.5, 0.0));
        let (a, b) = (half.data[10 * 64 + 30], half.data[10 * 64 + 31]);
        assert!(
            (110..130).contains(&a) && (110..130).contains(&b),
            "{a} {b}"
        );
    }

    #[test]
    fn it_is_smooth_and_stays_within_its_reach() {
        let size = Size {
            width: 1280,
            height: 720,
        };
        let at = |i: usize| shift(1.0, size, i as f32 / 25.0, 3);
        assert!((0..500).all(|i| at(i).length() < 9.0));
        assert!((0..500).all(|i| (at(i + 1) - at(i)).length() < 2.5));
        assert!((0..500).any(|i| at(i).length() > 2.0));
    }
}
