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

/// Bilinear, with one weight for all pixels, in steps of a 32nd of a pixel across and an eighth down.
fn move_plane(plane: &mut [u8], w: usize, h: usize, way: V2) {
    let (x, y) = (-way.x, -way.y);
    let (whole_x, whole_y) = (x.floor() as i64, y.floor() as i64);
    let (fx, fy) = (
        ((x - x.floor()) * 32.0) as u16,
        ((y - y.floor()) * 8.0) as u16,
    );
    let old = plane.to_vec();
    let slid = |y: i64, out: &mut [u16], line: &mut [u8]| {
        let y = y.clamp(0, h as i64 - 1) as usize;
        pick(&old[y * w..(y + 1) * w], whole_x, line);
        for ((o, a), b) in out.iter_mut().zip(&line[..w]).zip(&line[1..=w]) {
            *o = u16::from(*a) * (32 - fx) + u16::from(*b) * fx;
        }
    };
    let (mut upper, mut lower, mut line) = (vec![0u16; w], vec![0u16; w], vec![0u8; w + 1]);
    slid(whole_y, &mut upper, &mut line);
    for (row, out) in plane.chunks_exact_mut(w).enumerate() {
        slid(row as i64 + whole_y + 1, &mut lower, &mut line);
        for ((v, a), b) in out.iter_mut().zip(&upper).zip(&lower) {
            *v = ((a * (8 - fy) + b * fy) >> 8) as u8;
        }
        std::mem::swap(&mut upper, &mut lower);
    }
}

/// `out`, one longer than `row`, gets it from column `from` on, its ends repeated.
fn pick(row: &[u8], from: i64, out: &mut [u8]) {
    let (w, n) = (row.len() as i64, out.len() as i64);
    let (start, end) = ((-from).clamp(0, n), (w - from).clamp(0, n));
    let inside = (start + from).clamp(0, w) as usize..(end + from).clamp(0, w) as usize;
    let (start, end) = (start as usize, end as usize);
    out[..start].fill(row[0]);
    out[start..end].copy_from_slice(&row[inside]);
    out[end..].fill(row[row.len() - 1]);
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
