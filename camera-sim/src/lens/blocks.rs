//! Coarse compression: blocks of eight by eight whose finer waves are rounded away, as a starved encoder leaves them.

use std::f32::consts::PI;
use std::sync::OnceLock;

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

/// Cosines of the transform (DCT-II, orthonormal) over the first half of a block: the second half mirrors it, with the
/// same sign for even waves and the other one for odd waves.
struct Waves {
    even: [[f32; N / 2]; N / 2],
    odd: [[f32; N / 2]; N / 2],
}

fn waves() -> &'static Waves {
    static WAVES: OnceLock<Waves> = OnceLock::new();
    WAVES.get_or_init(|| {
        let wave = |u: usize| {
            let scale = if u == 0 { 1.0 } else { 2.0 };
            let scale = (scale / N as f32).sqrt();
            std::array::from_fn(|x| {
                scale * (PI * u as f32 * (2 * x + 1) as f32 / (2 * N) as f32).cos()
            })
        };
        Waves {
            even: std::array::from_fn(|k| wave(2 * k)),
            odd: std::array::from_fn(|k| wave(2 * k + 1)),
        }
    })
}

fn plane(plane: &mut [u8], w: usize, steps: &Block) {
    let waves = waves();
    let reciprocal: Block = steps.map(|row| row.map(|s| 1.0 / s));
    for strip in plane.chunks_exact_mut(w * N) {
        for left in (0..w / N * N).step_by(N) {
            let mut block = Block::default();
            for (y, row) in block.iter_mut().enumerate() {
                let from = &strip[y * w + left..y * w + left + N];
                row.iter_mut()
                    .zip(from)
                    .for_each(|(b, v)| *b = f32::from(*v) - 128.0);
            }
            // The waves come out transposed, which the steps, alike both ways, do not mind.
            let mut found = waves.find(&transposed(&waves.find(&block)));
            for (row, (step, less)) in found.iter_mut().zip(steps.iter().zip(&reciprocal)) {
                for (c, (s, r)) in row.iter_mut().zip(step.iter().zip(less)) {
                    *c = round(*c * r) * s;
                }
            }
            let block = waves.build(&transposed(&waves.build(&found)));
            for (y, row) in block.iter().enumerate() {
                let to = &mut strip[y * w + left..y * w + left + N];
                to.iter_mut()
                    .zip(row)
                    .for_each(|(v, b)| *v = (*b + 128.5).clamp(0.0, 255.0) as u8);
            }
        }
    }
}

impl Waves {
    /// Waves of each column.
    fn find(&self, block: &Block) -> Block {
        let mut out = Block::default();
        for i in 0..N / 2 {
            let (a, b) = (block[i], block[N - 1 - i]);
            let sum: [f32; N] = std::array::from_fn(|x| a[x] + b[x]);
            let difference: [f32; N] = std::array::from_fn(|x| a[x] - b[x]);
            for k in 0..N / 2 {
                add(&mut out[2 * k], self.even[k][i], &sum);
                add(&mut out[2 * k + 1], self.odd[k][i], &difference);
            }
        }
        out
    }

    /// Columns from their waves.
    fn build(&self, found: &Block) -> Block {
        let mut out = Block::default();
        for i in 0..N / 2 {
            let (mut even, mut odd) = ([0.0; N], [0.0; N]);
            for k in 0..N / 2 {
                add(&mut even, self.even[k][i], &found[2 * k]);
                add(&mut odd, self.odd[k][i], &found[2 * k + 1]);
            }
            out[i] = std::array::from_fn(|x| even[x] + odd[x]);
            out[N - 1 - i] = std::array::from_fn(|x| even[x] - odd[x]);
        }
        out
    }
}

fn add(to: &mut [f32; N], weight: f32, row: &[f32; N]) {
    to.iter_mut().zip(row).for_each(|(t, r)| *t += weight * r);
}

fn transposed(block: &Block) -> Block {
    std::array::from_fn(|y| std::array::from_fn(|x| block[x][y]))
}

/// Nearest whole number, by letting the mantissa run out; small values die a little early, as encoders let them.
fn round(v: f32) -> f32 {
    const MAGIC: f32 = 12_582_912.0;
    (v * 0.93 + MAGIC) - MAGIC
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
