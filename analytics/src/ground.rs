//! Where points of the picture lie on the ground, in metres: a homography from four points (Hartley and Zisserman, Multiple
//! View Geometry, 4.1). It holds where the ground is flat and the lens does not bend lines.

use thiserror::Error;

use crate::geometry::Point;

/// Metres on the ground: two axes at right angles, wherever they begin.
pub type Metres = [f64; 2];

/// Three points whose triangle is smaller lie on a line: in parts of the picture, and in square metres.
const FLAT_PICTURE: f64 = 1e-4;
const FLAT_GROUND: f64 = 1e-2;

/// A step in the picture over which the ground is taken for even, to see how it stretches.
const STEP: f64 = 1e-3;

/// Why a calibration is refused.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum GroundError {
    /// A number that is none, or a point that is not in the picture.
    #[error("point {0} lies outside the picture, or is no number: coordinates go from 0 to 1")]
    Outside(usize),
    /// The points fix no plane.
    #[error(
        "three of the four points lie on a line {0}: take the corners of a large piece of the ground"
    )]
    OnALine(&'static str),
    /// The order on the picture is not that on the ground.
    #[error("the points go around the picture in another order than around the ground")]
    Twisted,
    /// A rectangle without sides.
    #[error("a rectangle has two sides of 0.1 to 1000 metres")]
    Sides,
}

/// The ground as a camera sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ground {
    /// The middle of the four points on the picture: there the homography is solved around, so that its last number is 1.
    middle: [f64; 2],
    /// The other eight numbers of the homography, row by row.
    rows: [f64; 8],
}

impl Ground {
    /// From four points of the picture and where they lie.
    ///
    /// # Errors
    /// Points outside the picture, three on a line, or an order that differs.
    pub fn new(points: [(Point, Metres); 4]) -> Result<Ground, GroundError> {
        for (i, (p, m)) in points.iter().enumerate() {
            let in_picture = (0.0..=1.0).contains(&p.x) && (0.0..=1.0).contains(&p.y);
            if !in_picture || !m.iter().all(|v| v.is_finite()) {
                return Err(GroundError::Outside(i));
            }
        }
        let picture = points.map(|(p, _)| [f64::from(p.x), f64::from(p.y)]);
        let ground = points.map(|(_, metres)| metres);
        if is_flat(&picture, FLAT_PICTURE) {
            return Err(GroundError::OnALine("on the picture"));
        }
        if is_flat(&ground, FLAT_GROUND) {
            return Err(GroundError::OnALine("on the ground"));
        }
        let mean = |axis: fn(&[f64; 2]) -> f64| picture.iter().map(axis).sum::<f64>() / 4.0;
        let middle = [mean(|p| p[0]), mean(|p| p[1])];
        let mut equations = Vec::new();
        for ([x, y], [to_x, to_y]) in picture.into_iter().zip(ground) {
            let (x, y) = (x - middle[0], y - middle[1]);
            equations.push([x, y, 1.0, 0.0, 0.0, 0.0, -x * to_x, -y * to_x, to_x]);
            equations.push([0.0, 0.0, 0.0, x, y, 1.0, -x * to_y, -y * to_y, to_y]);
        }
        let rows = solve(equations).ok_or(GroundError::Twisted)?;
        let ground = Ground { middle, rows };
        // All four must lie on this side of the horizon.
        if points.iter().any(|(p, _)| ground.at(*p).is_none()) {
            return Err(GroundError::Twisted);
        }
        Ok(ground)
    }

    /// From a rectangle on the ground: its corners on the picture in order, the sides from the first corner to the second and
    /// from the second to the third in metres.
    ///
    /// # Errors
    /// As for four points, and sides that are none.
    pub fn rectangle(corners: [Point; 4], [a, b]: [f64; 2]) -> Result<Ground, GroundError> {
        if ![a, b].iter().all(|side| (0.1..=1000.0).contains(side)) {
            return Err(GroundError::Sides);
        }
        let [p, q, r, s] = corners;
        Ground::new([(p, [0.0, 0.0]), (q, [a, 0.0]), (r, [a, b]), (s, [0.0, b])])
    }

    /// Where a point of the picture lies; nothing at or above the horizon.
    pub fn at(&self, p: Point) -> Option<Metres> {
        self.of([f64::from(p.x), f64::from(p.y)])
    }

    /// How many metres a step of the whole picture to the right, and down, would be at this rate; nothing at or above the
    /// horizon.
    pub fn stretch(&self, p: Point) -> Option<[f64; 2]> {
        let (x, y) = (f64::from(p.x), f64::from(p.y));
        let here = self.of([x, y])?;
        let far = |there: Metres| (there[0] - here[0]).hypot(there[1] - here[1]) / STEP;
        Some([far(self.of([x + STEP, y])?), far(self.of([x, y + STEP])?)])
    }

    fn of(&self, [x, y]: [f64; 2]) -> Option<Metres> {
        let (x, y) = (x - self.middle[0], y - self.middle[1]);
        let [a, b, c, d, e, f, g, h] = self.rows;
        // 1 in the middle of the points, 0 on the horizon.
        let depth = g * x + h * y + 1.0;
        (depth > 1e-3).then(|| [(a * x + b * y + c) / depth, (d * x + e * y + f) / depth])
    }
}

/// Whether three of the points are as good as on a line.
fn is_flat([a, b, c, d]: &[[f64; 2]; 4], least: f64) -> bool {
    let twice_area = |p: &[f64; 2], q: &[f64; 2], r: &[f64; 2]| {
        (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])
    };
    let triangles = [(a, b, c), (b, c, d), (c, d, a), (d, a, b)];
    triangles
        .iter()
        .any(|(p, q, r)| twice_area(p, q, r).abs() < least)
}

/// Solves eight linear equations, each with its right side as the last number, by elimination with pivots.
fn solve(mut rows: Vec<[f64; 9]>) -> Option<[f64; 8]> {
    let at = |row: &[f64; 9], column: usize| row.get(column).copied().unwrap_or_default();
    for column in 0..8 {
        let candidates = rows.iter().enumerate().skip(column);
        let largest =
            candidates.max_by(|a, b| at(a.1, column).abs().total_cmp(&at(b.1, column).abs()));
        let (place, _) = largest?;
        rows.swap(column, place);
        let pivot = *rows.get(column)?;
        let head = at(&pivot, column);
        if head.abs() < 1e-12 {
            return None;
        }
        for (i, row) in rows.iter_mut().enumerate() {
            let factor = if i == column {
                (head - 1.0) / head
            } else {
                at(row, column) / head
            };
            for (value, from) in row.iter_mut().zip(&pivot) {
                *value -= factor * from;
            }
        }
    }
    let mut solution = [0.0; 8];
    for (value, row) in solution.iter_mut().zip(&rows) {
        *value = row[8];
    }
    Some(solution)
}
