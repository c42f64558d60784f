//! Seeded chance and smooth noise.
//!
//! Its own generator (SplitMix64, Steele et al. 2014) instead of a crate's: a scene must render to the same
//! bytes after every dependency update.

/// A seeded stream of random numbers; equal seeds give equal streams for ever.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x5afe_c17e))
    }

    /// An independent stream for part `salt` of a whole that `seed` describes.
    pub fn salted(seed: u64, salt: u64) -> Self {
        Self(mix(mix(seed) ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f32 {
        (self.roll() >> 40) as f32 / (1u64 << 24) as f32
    }

    /// Uniform in [low, high).
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Uniform in 0..n; 0 where n is 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// One of `choices`, which must not be empty.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Roughly normal, mean 0, standard deviation 1 (sum of twelve uniforms).
    pub fn normal(&mut self) -> f32 {
        (0..12).map(|_| self.unit()).sum::<f32>() - 6.0
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Value of lattice point (x, y), in [0, 1).
pub fn lattice(x: i32, y: i32, seed: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x8da6_b343)
        ^ (y as u32).wrapping_mul(0xd816_3841)
        ^ seed.wrapping_mul(0xcb1a_b31f);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    (h >> 8) as f32 / (1u32 << 24) as f32
}

/// Value noise with smooth steps between lattice points, in [-1, 1].
pub fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (ix, iy) = (floor(x), floor(y));
    let (tx, ty) = (smooth(x - ix as f32), smooth(y - iy as f32));
    let top = lerp(lattice(ix, iy, seed), lattice(ix + 1, iy, seed), tx);
    let low = lerp(lattice(ix, iy + 1, seed), lattice(ix + 1, iy + 1, seed), tx);
    lerp(top, low, ty) * 2.0 - 1.0
}

/// Without a call into the C library, which is what rounding costs on plain x86-64.
fn floor(v: f32) -> i32 {
    let whole = v as i32;
    whole - i32::from(v < whole as f32)
}

fn smooth(t: f32) -> f32 {
    t * t * (3.0 - 2.0 * t)
}

fn lerp(a: f32, b: f32, t: f32) -> f32 {
    a + (b - a) * t
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_agree_and_others_do_not() {
        let draw = |seed| {
            (0..4)
                .map({
                    let mut d = Dice::new(seed);
                    move |_| d.roll()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn the_normal_has_its_mean_and_spread() {
        let mut dice = Dice::new(3);
        let sample: Vec<f32> = (0..20_000).map(|_| dice.normal()).collect();
        let mean = sample.iter().sum::<f32>() / 20_000.0;
        let variance = sample.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 20_000.0;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05,
            "{mean} {variance}"
        );
    }
}
