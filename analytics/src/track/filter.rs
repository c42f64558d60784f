//! Constant-velocity Kalman filters of a box: middle and size, each coordinate on its own (they are taken as
//! uncorrelated), in time rather than in frames, so that one set of constants serves 2 to 30 frames a second.
//!
//! All noises are in proportion to the box: what is near moves faster on the picture than what is far. The constants were
//! tuned together with those of `associate.rs` on four MOT15 sequences and on street clips at 5 to 12 frames a second.

use crate::geometry::Rect;

/// Standard deviation of a detector's middle, as a share of the box's side.
const MIDDLE_NOISE: f32 = 0.07;
/// Standard deviation of a detector's side, as a share of it.
const SIZE_NOISE: f32 = 0.13;
/// Standard deviation of a new object's velocity, in sides a second.
const FIRST_VELOCITY: f32 = 1.5;
/// The same for the growth of a side.
const FIRST_GROWTH: f32 = 0.16;
/// Acceleration as white noise: its spectral density's root, in sides / s^1.5.
const ACCELERATION: f32 = 1.8;
/// The same for the growth of a side.
const GROWTH_CHANGE: f32 = 0.45;

/// Position and velocity of one coordinate with their covariance.
#[derive(Clone, Copy, Debug)]
struct Coordinate {
    at: f32,
    velocity: f32,
    /// Variance of the position, covariance, variance of the velocity.
    variance: [f32; 3],
}

impl Coordinate {
    fn new(at: f32, noise: f32, velocity_noise: f32) -> Self {
        Coordinate {
            at,
            velocity: 0.0,
            variance: [noise * noise, 0.0, velocity_noise * velocity_noise],
        }
    }

    /// `dt` seconds on; `q` is the density of the acceleration's noise.
    fn predict(&mut self, dt: f32, q: f32) {
        let [pp, pv, vv] = self.variance;
        self.at += self.velocity * dt;
        let q = q * q;
        self.variance = [
            pp + 2.0 * dt * pv + dt * dt * vv + q * dt * dt * dt / 3.0,
            pv + dt * vv + q * dt * dt / 2.0,
            vv + q * dt,
        ];
    }

    fn correct(&mut self, measured: f32, noise: f32) {
        let [pp, pv, vv] = self.variance;
        let total = pp + noise * noise;
        if total <= 0.0 {
            return;
        }
        let (gain, velocity_gain) = (pp / total, pv / total);
        let off = measured - self.at;
        self.at += gain * off;
        self.velocity += velocity_gain * off;
        self.variance = [
            pp * (1.0 - gain),
            pv * (1.0 - gain),
            vv - velocity_gain * pv,
        ];
    }

    fn sigma(&self) -> f32 {
        self.variance[0].max(0.0).sqrt()
    }
}

/// The four filters of a box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filter {
    x: Coordinate,
    y: Coordinate,
    w: Coordinate,
    h: Coordinate,
}

impl Filter {
    pub(super) fn new(rect: &Rect) -> Self {
        let middle = rect.centre();
        Filter {
            x: Coordinate::new(middle.x, MIDDLE_NOISE * rect.w, FIRST_VELOCITY * rect.w),
            y: Coordinate::new(middle.y, MIDDLE_NOISE * rect.h, FIRST_VELOCITY * rect.h),
            w: Coordinate::new(rect.w, SIZE_NOISE * rect.w, FIRST_GROWTH * rect.w),
            h: Coordinate::new(rect.h, SIZE_NOISE * rect.h, FIRST_GROWTH * rect.h),
        }
    }

    /// `dt` seconds on.
    pub(super) fn predict(&mut self, dt: f32) {
        let (w, h) = (self.w.at, self.h.at);
        self.x.predict(dt, ACCELERATION * w);
        self.y.predict(dt, ACCELERATION * h);
        self.w.predict(dt, GROWTH_CHANGE * w);
        self.h.predict(dt, GROWTH_CHANGE * h);
        // A side may not shrink away while nobody looks.
        for (side, was) in [(&mut self.w, w), (&mut self.h, h)] {
            if side.at < was * 0.7 {
                side.at = was * 0.7;
                side.velocity = 0.0;
            }
        }
    }

    pub(super) fn correct(&mut self, rect: &Rect) {
        let middle = rect.centre();
        self.x.correct(middle.x, MIDDLE_NOISE * rect.w);
        self.y.correct(middle.y, MIDDLE_NOISE * rect.h);
        self.w.correct(rect.w, SIZE_NOISE * rect.w);
        self.h.correct(rect.h, SIZE_NOISE * rect.h);
        let least = f32::EPSILON;
        self.w.at = self.w.at.max(least);
        self.h.at = self.h.at.max(least);
    }

    pub(super) fn rect(&self) -> Rect {
        Rect {
            x: self.x.at - self.w.at / 2.0,
            y: self.y.at - self.h.at / 2.0,
            w: self.w.at,
            h: self.h.at,
        }
    }

    pub(super) fn velocity(&self) -> (f32, f32) {
        (self.x.velocity, self.y.velocity)
    }

    /// How far a detection's middle may be expected from the predicted one: standard deviations along x and y.
    pub(super) fn reach(&self) -> (f32, f32) {
        (
            self.x.sigma().hypot(MIDDLE_NOISE * self.w.at),
            self.y.sigma().hypot(MIDDLE_NOISE * self.h.at),
        )
    }
}
