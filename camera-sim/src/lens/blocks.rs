//! Coarse compression: blocks of eight by eight whose finer waves are rounded away, as a starved encoder leaves them.

use std::f32::consts::PI;

use crate::sensor::Frame;

/// Side of a block.
const N: usize = 8;
type Block = [[f32; N]; N];

/// Rounds the waves of every block of a picture; `strength` 0 leaves it as it is, 1 leaves little but blocks.
pub fn coarsen(frame: &mut Frame, strength: f32) {
    if strength <= 0.0 {
        return;
    }
    let size = frame.size;
    let (w, h) = (size.width as usize, size.height as usize);
    let (luma, chroma) = frame.planes_mut();
    plane(luma, w, &steps(strength));
    let (blue, red) = chroma.split_at_mut((w / 2) * (h / 2));
    for half in [blue, red] {
        level(half, w / 2, if strength < 0.3 { 2 } else { 4 });
    }
}

/// Colour goes first: each square of `side` points gets its mean.
fn level(plane: &mut [u8], w: usize, side: usize) {
    let mut sums = vec![0u16; w / side];
    let all = (side * side) as u16;
    for strip in plane.chunks_exact_mut(w * side) {
        sums.fill(all / 2);
        for row in strip.chunks_exact(w) {
            for (sum, points) in sums.iter_mut().zip(row.chunks_exact(side)) {
                *sum += points.iter().map(|v| u16::from(*v)).sum::<u16>();
            }
        }
        for row in strip.chunks_exact_mut(w) {
            for (sum, points) in sums.iter().zip(row.chunks_exact_mut(side)) {
                points.fill((sum / all) as u8);
            }
        }
    }
}

/// Quantiser steps: larger for finer waves.
fn steps(strength: f32) -> Block {
    let q = 3.0 + 57.0 * strength * strength;
    std::array::from_fn(|v| std::array::from_fn(|u| q * (0.55 + 0.45 * (u + v) as f32)))
}

/// Four values side by side, one of each of four columns: what one register of any processor holds.
type Lane = [f32; 4];
/// Four columns of a block, from top to bottom.
type Half = [Lane; N];

fn plane(plane: &mut [u8], w: usize, steps: &Block) {
    let (down, up) = scales(steps);
    let (down, up) = (halves(&down), halves(&up));
    for strip in plane.chunks_exact_mut(w * N) {
        for left in (0..w / N * N).step_by(N) {
            let rows = [0, 4].map(|x| load(strip, w, left + x));
            // The waves come out transposed, which the steps, alike both ways, do not mind.
            let mut found = transposed(&rows.map(|half| find(&half))).map(|half| find(&half));
            for (half, (less, more)) in found.iter_mut().zip(down.iter().zip(&up)) {
                for (row, (l, m)) in half.iter_mut().zip(less.iter().zip(more)) {
                    *row = std::array::from_fn(|x| round(row[x] * l[x]) * m[x]);
                }
            }
            let built = transposed(&found.map(|half| build(&half))).map(|half| build(&half));
            for (half, x) in built.iter().zip([0, 4]) {
                store(half, strip, w, left + x);
            }
        }
    }
}

fn halves(block: &Block) -> [Half; 2] {
    [0, 4].map(|left| std::array::from_fn(|y| std::array::from_fn(|x| block[y][left + x])))
}

#[inline(always)]
fn load(strip: &[u8], w: usize, left: usize) -> Half {
    std::array::from_fn(|y| {
        let from = &strip[y * w + left..y * w + left + 4];
        std::array::from_fn(|x| f32::from(from[x]) - 128.0)
    })
}

#[inline(always)]
fn store(half: &Half, strip: &mut [u8], w: usize, left: usize) {
    // From here on the mantissa's last bits are the whole number.
    const MAGIC: f32 = 8_388_608.0;
    for (y, row) in half.iter().enumerate() {
        let bytes = row.map(|v| ((v + 128.0).clamp(0.0, 255.0) + MAGIC).to_bits() as u8);
        strip[y * w + left..y * w + left + 4].copy_from_slice(&bytes);
    }
}

/// What takes the waves of `find` to whole steps, and those to what `build` expects: both leave a factor of each wave to
/// the quantiser.
fn scales(steps: &Block) -> (Block, Block) {
    let factor = |u: usize| match u {
        0 => 1.0,
        _ => (PI * u as f32 / 16.0).cos() * 2f32.sqrt(),
    };
    let both = |u: usize, v: usize| factor(u) * factor(v) / N as f32;
    let each =
        |f: &dyn Fn(usize, usize) -> f32| std::array::from_fn(|v| std::array::from_fn(|u| f(u, v)));
    (
        each(&|u, v| both(u, v) / (steps[v][u] * (factor(u) * factor(v)).powi(2))),
        each(&|u, v| both(u, v) * steps[v][u]),
    )
}

fn plus(a: &Lane, b: &Lane) -> Lane {
    std::array::from_fn(|x| a[x] + b[x])
}

fn minus(a: &Lane, b: &Lane) -> Lane {
    std::array::from_fn(|x| a[x] - b[x])
}

fn times(a: &Lane, k: f32) -> Lane {
    std::array::from_fn(|x| a[x] * k)
}

const COS_2: f32 = 0.923_879_5; // of 2/16 of a half turn
const COS_6: f32 = 0.382_683_43;
const HALF_ROOT: f32 = std::f32::consts::FRAC_1_SQRT_2;

/// Waves of each column: DCT-II with the fewest products (Arai, Agui, Nakajima 1988).
#[inline(always)]
fn find(v: &Half) -> Half {
    let (s0, d0) = (plus(&v[0], &v[7]), minus(&v[0], &v[7]));
    let (s1, d1) = (plus(&v[1], &v[6]), minus(&v[1], &v[6]));
    let (s2, d2) = (plus(&v[2], &v[5]), minus(&v[2], &v[5]));
    let (s3, d3) = (plus(&v[3], &v[4]), minus(&v[3], &v[4]));
    let (outer, outer_less) = (plus(&s0, &s3), minus(&s0, &s3));
    let (inner, inner_less) = (plus(&s1, &s2), minus(&s1, &s2));
    let turn = times(&plus(&inner_less, &outer_less), HALF_ROOT);
    let (a, b, c) = (plus(&d3, &d2), plus(&d2, &d1), plus(&d1, &d0));
    let shared = times(&minus(&a, &c), COS_6);
    let low = plus(&times(&a, COS_2 - COS_6), &shared);
    let high = plus(&times(&c, COS_2 + COS_6), &shared);
    let middle = times(&b, HALF_ROOT);
    let (near, far) = (plus(&d0, &middle), minus(&d0, &middle));
    [
        plus(&outer, &inner),
        plus(&near, &high),
        plus(&outer_less, &turn),
        minus(&far, &low),
        minus(&outer, &inner),
        plus(&far, &low),
        minus(&outer_less, &turn),
        minus(&near, &high),
    ]
}

/// Columns from their waves: the way back.
#[inline(always)]
fn build(c: &Half) -> Half {
    let root = 2f32.sqrt();
    let (even, even_less) = (plus(&c[0], &c[4]), minus(&c[0], &c[4]));
    let pair = plus(&c[2], &c[6]);
    let turn = minus(&times(&minus(&c[2], &c[6]), root), &pair);
    let (e0, e3) = (plus(&even, &pair), minus(&even, &pair));
    let (e1, e2) = (plus(&even_less, &turn), minus(&even_less, &turn));
    let (a, b) = (plus(&c[5], &c[3]), minus(&c[5], &c[3]));
    let (d, e) = (plus(&c[1], &c[7]), minus(&c[1], &c[7]));
    let shared = times(&plus(&b, &e), 2.0 * COS_2);
    let o0 = plus(&d, &a);
    let o1 = minus(&minus(&shared, &times(&b, 2.0 * (COS_2 + COS_6))), &o0);
    let o2 = minus(&times(&minus(&d, &a), root), &o1);
    let o3 = minus(&minus(&shared, &times(&e, 2.0 * (COS_2 - COS_6))), &o2);
    [
        plus(&e0, &o0),
        plus(&e1, &o1),
        plus(&e2, &o2),
        plus(&e3, &o3),
        minus(&e3, &o3),
        minus(&e2, &o2),
        minus(&e1, &o1),
        minus(&e0, &o0),
    ]
}

#[inline(always)]
fn transposed(block: &[Half; 2]) -> [Half; 2] {
    [0, 4].map(|top| std::array::from_fn(|y| std::array::from_fn(|x| block[y / 4][top + x][y % 4])))
}

/// Nearest whole number, by letting the mantissa run out; small values die a little early, as encoders let them.
fn round(v: f32) -> f32 {
    const MAGIC: f32 = 12_582_912.0;
    (v - v.clamp(-0.07, 0.07) + MAGIC) - MAGIC
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;
    use crate::space::Size;

    fn grain() -> Frame {
        let size = Size {
            width: 64,
            height: 64,
        };
        let mut dice = Dice::new(5);
        let data = (0..64 * 64 * 3 / 2)
            .map(|i| 80 + (i % 64) as u8 + dice.below(24) as u8)
            .collect();
        Frame { size, data }
    }

    fn error(strength: f32) -> f32 {
        let (clean, mut coarse) = (grain(), grain());
        coarsen(&mut coarse, strength);
        let pairs = clean.data.iter().zip(&coarse.data).take(64 * 64);
        pairs
            .map(|(a, b)| (f32::from(*a) - f32::from(*b)).abs())
            .sum::<f32>()
            / 4096.0
    }

    #[test]
    fn fine_steps_leave_the_picture_as_it_is() {
        let size = grain().size;
        let (clean, mut back) = (grain(), grain());
        plane(
            &mut back.data[..64 * 64],
            size.width as usize,
            &[[0.01; N]; N],
        );
        assert_eq!(clean.data, back.data);
    }

    #[test]
    fn the_coarser_the_farther_from_the_original() {
        assert_eq!(error(0.0), 0.0);
        assert!(error(0.1) < error(0.5) && error(0.5) < error(1.0));
        assert!(
            error(0.1) < 4.0 && error(1.0) > 4.0,
            "{} {}",
            error(0.1),
            error(1.0)
        );
    }
}
