//! Points in metres, the pinhole camera and the way from one to the other.
//!
//! World axes: x to the east, y to the north, z up, metres. Picture axes: x to the right, y down, pixels,
//! origin at the outer corner of the top left pixel. Owns no colours and draws nothing.

use std::ops::{Add, Mul, Sub};

use serde::Deserialize;

/// A point or vector on the ground (metres) or in the picture (pixels); `[x, y]` in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "[f32; 2]")]
pub struct V2 {
    pub x: f32,
    pub y: f32,
}

/// A point or vector in the world, metres.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct V3 {
    pub x: f32,
    pub y: f32,
    pub z: f32,
}

impl From<[f32; 2]> for V2 {
    fn from([x, y]: [f32; 2]) -> Self {
        v2(x, y)
    }
}

pub const fn v2(x: f32, y: f32) -> V2 {
    V2 { x, y }
}

pub const fn v3(x: f32, y: f32, z: f32) -> V3 {
    V3 { x, y, z }
}

impl V2 {
    /// Unit vector at `angle` radians, counter-clockwise from +x.
    pub fn from_angle(angle: f32) -> Self {
        v2(angle.cos(), angle.sin())
    }

    pub fn length(self) -> f32 {
        self.x.hypot(self.y)
    }

    pub fn dot(self, other: Self) -> f32 {
        self.x * other.x + self.y * other.y
    }

    /// z of the cross product: positive where `other` lies counter-clockwise of `self` (y up).
    pub fn cross(self, other: Self) -> f32 {
        self.x * other.y - self.y * other.x
    }

    /// Unit vector, or +x where the length is nought.
    pub fn unit(self) -> Self {
        let length = self.length();
        if length > 1e-6 {
            self * (1.0 / length)
        } else {
            v2(1.0, 0.0)
        }
    }

    /// Turned a quarter counter-clockwise (y up): the left hand of someone facing along `self`.
    pub fn left(self) -> Self {
        v2(-self.y, self.x)
    }

    pub fn up(self, z: f32) -> V3 {
        v3(self.x, self.y, z)
    }
}

impl V3 {
    pub fn dot(self, o: Self) -> f32 {
        self.x * o.x + self.y * o.y + self.z * o.z
    }

    pub fn cross(self, o: Self) -> Self {
        v3(
            self.y * o.z - self.z * o.y,
            self.z * o.x - self.x * o.z,
            self.x * o.y - self.y * o.x,
        )
    }

    pub fn unit(self) -> Self {
        let length = self.dot(self).sqrt();
        if length > 1e-6 {
            self * (1.0 / length)
        } else {
            v3(0.0, 0.0, 1.0)
        }
    }

    pub fn ground(self) -> V2 {
        v2(self.x, self.y)
    }

    pub fn mix(self, o: Self, t: f32) -> Self {
        self + (o - self) * t
    }
}

impl Add for V2 {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        v2(self.x + o.x, self.y + o.y)
    }
}
impl Sub for V2 {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        v2(self.x - o.x, self.y - o.y)
    }
}
impl Mul<f32> for V2 {
    type Output = Self;
    fn mul(self, k: f32) -> Self {
        v2(self.x * k, self.y * k)
    }
}
impl Add for V3 {
    type Output = Self;
    fn add(self, o: Self) -> Self {
        v3(self.x + o.x, self.y + o.y, self.z + o.z)
    }
}
impl Sub for V3 {
    type Output = Self;
    fn sub(self, o: Self) -> Self {
        v3(self.x - o.x, self.y - o.y, self.z - o.z)
    }
}
impl Mul<f32> for V3 {
    type Output = Self;
    fn mul(self, k: f32) -> Self {
        v3(self.x * k, self.y * k, self.z * k)
    }
}

/// Width and height of a picture, pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub width: u32,
    pub height: u32,
}

/// Where a camera hangs and looks, as an installer would say it.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// Point on the ground under the camera, metres.
    pub at: V2,
    /// Height above the ground, metres.
    pub height: f32,
    /// Degrees below the horizontal.
    pub pitch_deg: f32,
    /// Degrees clockwise from north (+y).
    pub yaw_deg: f32,
    /// Horizontal field of view, degrees.
    pub fov_deg: f32,
}

/// An ideal pinhole camera: no lens distortion, square pixels, principal point in the middle.
#[derive(Clone, Copy, Debug)]
pub struct Camera {
    eye: V3,
    right: V3,
    up: V3,
    forward: V3,
    focal_px: f32,
    size: Size,
}

/// Nothing nearer than this is drawn, metres.
const NEAR_M: f32 = 0.3;

impl Camera {
    pub fn new(mount: &Mount, size: Size) -> Self {
        let (pitch, yaw) = (mount.pitch_deg.to_radians(), mount.yaw_deg.to_radians());
        let right = v3(yaw.cos(), -yaw.sin(), 0.0);
        let forward = v3(
            yaw.sin() * pitch.cos(),
            yaw.cos() * pitch.cos(),
            -pitch.sin(),
        );
        Self {
            eye: mount.at.up(mount.height),
            right,
            up: right.cross(forward),
            forward,
            focal_px: size.width as f32 / 2.0 / (mount.fov_deg.to_radians() / 2.0).tan(),
            size,
        }
    }

    pub fn eye(&self) -> V3 {
        self.eye
    }

    pub fn size(&self) -> Size {
        self.size
    }

    /// Distance of `p` along the optical axis, metres; negative behind the camera.
    pub fn depth(&self, p: V3) -> f32 {
        (p - self.eye).dot(self.forward)
    }

    /// Pixels that one metre takes at `depth` metres.
    pub fn scale(&self, depth: f32) -> f32 {
        self.focal_px / depth.max(NEAR_M)
    }

    /// Picture point of `p`, or nothing where it is not in front of the camera.
    pub fn project(&self, p: V3) -> Option<V2> {
        let d = p - self.eye;
        let depth = d.dot(self.forward);
        (depth > NEAR_M).then(|| self.picture_point(d, depth))
    }

    fn picture_point(&self, d: V3, depth: f32) -> V2 {
        let k = self.focal_px / depth;
        v2(
            self.size.width as f32 / 2.0 + d.dot(self.right) * k,
            self.size.height as f32 / 2.0 - d.dot(self.up) * k,
        )
    }

    /// Picture polygon of a flat world polygon, cut at the near plane (Sutherland-Hodgman); may be empty.
    pub fn project_polygon(&self, polygon: &[V3]) -> Vec<V2> {
        let mut out = Vec::with_capacity(polygon.len() + 1);
        for (i, &a) in polygon.iter().enumerate() {
            let b = polygon[(i + 1) % polygon.len()];
            let (da, db) = (self.depth(a) - NEAR_M, self.depth(b) - NEAR_M);
            if da > 0.0 {
                out.push(self.picture_point(a - self.eye, da + NEAR_M));
            }
            if (da > 0.0) != (db > 0.0) {
                let cut = a.mix(b, da / (da - db));
                out.push(self.picture_point(cut - self.eye, NEAR_M));
            }
        }
        out
    }

    /// Unit direction from the eye through picture point `p`.
    pub fn ray(&self, p: V2) -> V3 {
        let x = (p.x - self.size.width as f32 / 2.0) / self.focal_px;
        let y = (self.size.height as f32 / 2.0 - p.y) / self.focal_px;
        (self.forward + self.right * x + self.up * y).unit()
    }

    /// Ground point seen at picture point `p`, or nothing at or above the horizon.
    pub fn ground_at(&self, p: V2) -> Option<V2> {
        let ray = self.ray(p);
        (ray.z < -1e-4).then(|| (self.eye + ray * (self.eye.z / -ray.z)).ground())
    }

    /// The ground along one row of the picture (`y` pixels): the point at x = 0 and the step a pixel, metres; nothing
    /// at or above the horizon. A row is a straight level line because the camera never rolls.
    pub fn ground_row(&self, y: f32) -> Option<(V2, V2)> {
        let rise = (self.size.height as f32 / 2.0 - y) / self.focal_px;
        let ray = self.forward + self.up * rise;
        if ray.z > -1e-4 {
            return None;
        }
        let reach = self.eye.z / -ray.z;
        let step = self.right.ground() * (reach / self.focal_px);
        let middle = (self.eye + ray * reach).ground();
        Some((middle - step * (self.size.width as f32 / 2.0), step))
    }

    /// Picture row of the horizon, pixels; may lie outside the picture.
    pub fn horizon(&self) -> f32 {
        let slope = self.forward.z / self.forward.x.hypot(self.forward.y).max(1e-6);
        self.size.height as f32 / 2.0 + slope * self.focal_px
    }
}

/// Whether `p` lies in `polygon` (even-odd rule).
pub fn inside(polygon: &[V2], p: V2) -> bool {
    let mut odd = false;
    for (i, a) in polygon.iter().enumerate() {
        let b = polygon[(i + 1) % polygon.len()];
        if (a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x {
            odd = !odd;
        }
    }
    odd
}

/// Convex hull, counter-clockwise with y up (Andrew's monotone chain).
pub fn convex_hull(mut points: Vec<V2>) -> Vec<V2> {
    points.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)));
    let mut hull: Vec<V2> = Vec::with_capacity(points.len() + 1);
    for backwards in [false, true] {
        let floor = hull.len();
        let mut grow = |p: V2| {
            while hull.len() >= floor + 2
                && (hull[hull.len() - 1] - hull[hull.len() - 2]).cross(p - hull[hull.len() - 1])
                    <= 0.0
            {
                hull.pop();
            }
            hull.push(p);
        };
        if backwards {
            points.iter().rev().for_each(|&p| grow(p));
        } else {
            points.iter().for_each(|&p| grow(p));
        }
        hull.pop();
    }
    hull
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn camera() -> Camera {
        let mount = Mount {
            at: v2(3.0, -2.0),
            height: 6.0,
            pitch_deg: 22.0,
            yaw_deg: 17.0,
            fov_deg: 70.0,
        };
        Camera::new(
            &mount,
            Size {
                width: 1280,
                height: 720,
            },
        )
    }

    #[test]
    fn the_axis_meets_the_middle_of_the_picture() {
        let c = camera();
        let p = c.project(c.eye() + c.forward * 10.0).unwrap();
        assert!((p - v2(640.0, 360.0)).length() < 1e-2, "{p:?}");
    }

    #[test]
    fn a_higher_point_is_higher_in_the_picture_and_the_right_is_right() {
        let mount = Mount {
            at: v2(0.0, 0.0),
            height: 5.0,
            pitch_deg: 10.0,
            yaw_deg: 90.0,
            fov_deg: 60.0,
        };
        let c = Camera::new(
            &mount,
            Size {
                width: 640,
                height: 360,
            },
        );
        let foot = c.project(v3(20.0, 0.0, 0.0)).unwrap();
        assert!(c.project(v3(20.0, 0.0, 1.8)).unwrap().y < foot.y);
        assert!(
            c.project(v3(20.0, -3.0, 0.0)).unwrap().x > foot.x,
            "south is on the right when looking east"
        );
    }

    #[test]
    fn a_polygon_behind_the_camera_is_cut() {
        let c = camera();
        let road = [
            v3(-4.0, -90.0, 0.0),
            v3(4.0, -90.0, 0.0),
            v3(4.0, 90.0, 0.0),
            v3(-4.0, 90.0, 0.0),
        ];
        let cut = c.project_polygon(&road);
        assert!(cut.len() >= 3);
        assert!(cut.iter().all(|p| p.x.is_finite() && p.y.is_finite()));
    }

    #[test]
    fn the_hull_of_a_square_with_its_middle_is_the_square() {
        let hull = convex_hull(vec![
            v2(0., 0.),
            v2(1., 0.),
            v2(0.5, 0.5),
            v2(1., 1.),
            v2(0., 1.),
        ]);
        assert_eq!(hull, vec![v2(0., 0.), v2(1., 0.), v2(1., 1.), v2(0., 1.)]);
    }

    #[test]
    fn a_row_of_ground_is_the_ground_of_its_pixels() {
        let c = camera();
        let (start, step) = c.ground_row(500.0).unwrap();
        for x in [0.0, 333.0, 1280.0] {
            let want = c.ground_at(v2(x, 500.0)).unwrap();
            assert!((start + step * x - want).length() < 1e-2, "{want:?}");
        }
        assert!(c.ground_row(c.horizon() - 2.0).is_none());
    }

    proptest! {
        #[test]
        fn ground_picture_point_and_back(x in -20.0f32..20.0, y in 4.0f32..60.0) {
            let c = camera();
            let p = c.project(v3(x, y, 0.0)).unwrap();
            let back = c.ground_at(p).unwrap();
            prop_assert!((back - v2(x, y)).length() < 0.02 * (1.0 + y), "{back:?}");
        }
    }
}
