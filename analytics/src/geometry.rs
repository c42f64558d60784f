//! Points, boxes, lines and polygons in normalised picture coordinates: 0..1 on both axes, origin at the top left,
//! x to the right, y down. Lines and polygons that do not make sense cannot be built.

use thiserror::Error;

/// A point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

impl Point {
    /// The point at `x`, `y`.
    pub const fn new(x: f32, y: f32) -> Self {
        Point { x, y }
    }

    fn in_picture(self) -> bool {
        (0.0..=1.0).contains(&self.x) && (0.0..=1.0).contains(&self.y)
    }
}

/// An axis-aligned box. Width and height are not negative; parts may lie outside the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

impl Rect {
    /// The box between two corners, in any order.
    pub fn between(a: Point, b: Point) -> Self {
        Rect {
            x: a.x.min(b.x),
            y: a.y.min(b.y),
            w: (a.x - b.x).abs(),
            h: (a.y - b.y).abs(),
        }
    }

    /// Where an object in this box stands: the middle of the lower edge.
    pub fn foot(&self) -> Point {
        Point {
            x: self.x + self.w / 2.0,
            y: self.y + self.h,
        }
    }

    /// The middle.
    pub fn centre(&self) -> Point {
        Point {
            x: self.x + self.w / 2.0,
            y: self.y + self.h / 2.0,
        }
    }

    /// Width x height.
    pub fn area(&self) -> f32 {
        self.w * self.h
    }

    /// Whether all four numbers are finite and neither side is negative.
    pub fn is_sound(&self) -> bool {
        [self.x, self.y, self.w, self.h]
            .iter()
            .all(|v| v.is_finite())
            && self.w >= 0.0
            && self.h >= 0.0
    }

    /// Area shared with another box.
    pub fn shared(&self, other: &Rect) -> f32 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        w.max(0.0) * h.max(0.0)
    }

    /// Intersection over union, 0..=1; 0 where both are empty.
    pub fn iou(&self, other: &Rect) -> f32 {
        let shared = self.shared(other);
        let all = self.area() + other.area() - shared;
        if all > 0.0 { shared / all } else { 0.0 }
    }

    /// The smallest box around this one and another.
    pub fn union(&self, other: &Rect) -> Rect {
        let x = self.x.min(other.x);
        let y = self.y.min(other.y);
        Rect {
            x,
            y,
            w: (self.x + self.w).max(other.x + other.w) - x,
            h: (self.y + self.h).max(other.y + other.h) - y,
        }
    }
}

/// Why a line or a polygon is refused.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum GeometryError {
    /// Coordinates are normalised.
    #[error("point {index} ({x}, {y}) lies outside the picture: coordinates go from 0 to 1")]
    Outside {
        /// Which point, from 0.
        index: usize,
        /// Its x.
        x: f32,
        /// Its y.
        y: f32,
    },
    /// A polygon has at least three vertices.
    #[error("a polygon needs at least 3 points, found {0}")]
    TooFewPoints(usize),
    /// Two neighbouring vertices, or both ends of a line, are the same.
    #[error("points {0} and {1} are the same")]
    SamePoint(usize, usize),
    /// Two sides meet where they must not.
    #[error(
        "the sides from point {0} and from point {1} meet: give the points in order around the zone"
    )]
    Crossing(usize, usize),
}

fn check_points(points: &[Point]) -> Result<(), GeometryError> {
    match points.iter().position(|p| !p.in_picture()) {
        Some(index) => {
            let (x, y) = points
                .get(index)
                .map_or((f32::NAN, f32::NAN), |p| (p.x, p.y));
            Err(GeometryError::Outside { index, x, y })
        }
        None => Ok(()),
    }
}

/// Twice the signed area of the triangle a, b, p: positive where p lies to the right hand of someone who walks from
/// a to b on the picture. In f64, where the products of f32 coordinates are exact.
fn turn(a: Point, b: Point, p: Point) -> f64 {
    let (ax, ay) = (f64::from(a.x), f64::from(a.y));
    (f64::from(b.x) - ax) * (f64::from(p.y) - ay) - (f64::from(b.y) - ay) * (f64::from(p.x) - ax)
}

fn between(a: Point, b: Point, p: Point) -> bool {
    p.x >= a.x.min(b.x) && p.x <= a.x.max(b.x) && p.y >= a.y.min(b.y) && p.y <= a.y.max(b.y)
}

/// Whether the closed segments ab and cd have a point in common.
fn segments_meet(a: Point, b: Point, c: Point, d: Point) -> bool {
    let (abc, abd, cda, cdb) = (turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b));
    if abc * abd < 0.0 && cda * cdb < 0.0 {
        return true;
    }
    (abc == 0.0 && between(a, b, c))
        || (abd == 0.0 && between(a, b, d))
        || (cda == 0.0 && between(c, d, a))
        || (cdb == 0.0 && between(c, d, b))
}

/// A zone: a simple polygon inside the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Polygon {
    vertices: Vec<Point>,
}

impl Polygon {
    /// Checks the vertices, given in order around the zone (either way round).
    ///
    /// # Errors
    /// Fewer than three vertices, one outside the picture, two neighbours alike, or sides that meet.
    pub fn new(vertices: Vec<Point>) -> Result<Self, GeometryError> {
        if vertices.len() < 3 {
            return Err(GeometryError::TooFewPoints(vertices.len()));
        }
        check_points(&vertices)?;
        let polygon = Polygon { vertices };
        let count = polygon.vertices.len();
        for (i, (a, b)) in polygon.sides().enumerate() {
            if a == b {
                return Err(GeometryError::SamePoint(i, (i + 1) % count));
            }
            for (j, (c, d)) in polygon.sides().enumerate().skip(i + 1) {
                let next = j == i + 1;
                let wraps = i == 0 && j == count - 1;
                let bad = match (next, wraps) {
                    // Neighbours share one vertex; they must not fold back onto each other.
                    (true, _) => turn(a, b, d) == 0.0 && folds_back(a, b, d),
                    (_, true) => turn(c, d, b) == 0.0 && folds_back(c, d, b),
                    _ => segments_meet(a, b, c, d),
                };
                if bad {
                    return Err(GeometryError::Crossing(i, j));
                }
            }
        }
        Ok(polygon)
    }

    /// The vertices in the order given.
    pub fn vertices(&self) -> &[Point] {
        &self.vertices
    }

    /// Whether a point lies inside or on a side: a zone drawn to the picture's edge holds what stands on that edge.
    pub fn contains(&self, p: Point) -> bool {
        let mut inside = false;
        for (a, b) in self.sides() {
            let turn = turn(a, b, p);
            if turn == 0.0 && between(a, b, p) {
                return true;
            }
            // Even-odd rule on the ray to the right: toggled where the side crosses it.
            if (a.y > p.y) != (b.y > p.y) && (turn < 0.0) == (b.y < a.y) {
                inside = !inside;
            }
        }
        inside
    }

    fn sides(&self) -> impl Iterator<Item = (Point, Point)> + '_ {
        let ends = self.vertices.iter().cycle().skip(1);
        self.vertices.iter().copied().zip(ends.copied())
    }
}

/// Whether b -> d runs back along b -> a, given that the three lie on one line.
fn folds_back(a: Point, b: Point, d: Point) -> bool {
    let dot = (f64::from(a.x) - f64::from(b.x)) * (f64::from(d.x) - f64::from(b.x))
        + (f64::from(a.y) - f64::from(b.y)) * (f64::from(d.y) - f64::from(b.y));
    dot > 0.0
}

/// A counting line, from one point to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    from: Point,
    to: Point,
}

impl Line {
    /// Checks the ends.
    ///
    /// # Errors
    /// An end outside the picture, or both ends the same.
    pub fn new(from: Point, to: Point) -> Result<Self, GeometryError> {
        check_points(&[from, to])?;
        if from == to {
            return Err(GeometryError::SamePoint(0, 1));
        }
        Ok(Line { from, to })
    }

    /// Where it begins.
    pub fn from(&self) -> Point {
        self.from
    }

    /// Where it ends.
    pub fn to(&self) -> Point {
        self.to
    }

    /// `s(p) = (to.x-from.x)(p.y-from.y) - (to.y-from.y)(p.x-from.x)`: positive on the right hand of someone who walks
    /// from `from` to `to` on the picture, negative on the left, 0 on the (endless) line.
    pub fn side(&self, p: Point) -> f32 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "back to the precision that came in"
        )]
        let side = turn(self.from, self.to, p) as f32;
        side
    }

    /// Distance of a point from the endless line, in normalised units of a square picture.
    pub fn distance(&self, p: Point) -> f32 {
        self.side(p).abs() / (self.to.x - self.from.x).hypot(self.to.y - self.from.y)
    }

    /// Whether the path from `a` to `b` meets the segment.
    pub fn meets(&self, a: Point, b: Point) -> bool {
        segments_meet(self.from, self.to, a, b)
    }
}
