//! Geometry against slow, obvious oracles.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use analytics::geometry::{GeometryError, Line, Point, Polygon, Rect};
use proptest::prelude::*;

fn square() -> Polygon {
    let corners = [(0.2, 0.2), (0.8, 0.2), (0.8, 1.0), (0.2, 1.0)];
    Polygon::new(corners.iter().map(|&(x, y)| Point::new(x, y)).collect()).unwrap()
}

fn refused(points: &[(f32, f32)]) -> GeometryError {
    Polygon::new(points.iter().map(|&(x, y)| Point::new(x, y)).collect()).unwrap_err()
}

#[test]
fn sides_belong_to_a_zone() {
    assert!(
        square().contains(Point::new(0.5, 1.0)),
        "the picture's lower edge"
    );
    assert!(square().contains(Point::new(0.2, 0.2)), "a corner");
    assert!(square().contains(Point::new(0.8, 0.5)), "the right side");
    assert!(!square().contains(Point::new(0.81, 0.5)));
}

#[test]
fn senseless_polygons_are_refused() {
    assert_eq!(
        refused(&[(0.1, 0.1), (0.9, 0.9)]),
        GeometryError::TooFewPoints(2)
    );
    assert_eq!(
        refused(&[(0.1, 0.1), (1.1, 0.9), (0.0, 0.9)]),
        GeometryError::Outside {
            index: 1,
            x: 1.1,
            y: 0.9
        }
    );
    assert_eq!(
        refused(&[(0.1, 0.1), (0.1, 0.1), (0.5, 0.9)]),
        GeometryError::SamePoint(0, 1)
    );
    // A bow tie, a spike that folds back, and one without any area.
    assert_eq!(
        refused(&[(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)]),
        GeometryError::Crossing(0, 2)
    );
    assert_eq!(
        refused(&[(0.0, 0.0), (1.0, 0.0), (0.5, 0.0), (0.5, 1.0)]),
        GeometryError::Crossing(0, 1)
    );
    assert!(matches!(
        refused(&[(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)]),
        GeometryError::Crossing(..)
    ));
    assert!(matches!(
        refused(&[(f32::NAN, 0.0), (0.5, 0.5), (1.0, 0.0)]),
        GeometryError::Outside { index: 0, .. }
    ));
}

#[test]
fn a_line_has_two_ends_and_a_right_hand() {
    let p = Point::new(0.5, 0.5);
    assert_eq!(Line::new(p, p), Err(GeometryError::SamePoint(0, 1)));
    // Walking to the right on the picture, the right hand points down.
    let line = Line::new(Point::new(0.2, 0.5), Point::new(0.8, 0.5)).unwrap();
    assert!(line.side(Point::new(0.5, 0.6)) > 0.0);
    assert!(line.side(Point::new(0.5, 0.4)) < 0.0);
    assert!((line.distance(Point::new(0.9, 0.6)) - 0.1).abs() < 1e-6);
    assert!(line.meets(Point::new(0.5, 0.4), Point::new(0.5, 0.6)));
    assert!(
        !line.meets(Point::new(0.9, 0.4), Point::new(0.9, 0.6)),
        "passes beyond the segment's end"
    );
}

fn point() -> impl Strategy<Value = Point> {
    (0.0_f32..=1.0, 0.0_f32..=1.0).prop_map(|(x, y)| Point::new(x, y))
}

/// A polygon that is simple by construction: seen from its middle, the vertices follow one another by angle.
fn star() -> impl Strategy<Value = Vec<Point>> {
    proptest::collection::vec(0.125_f32..0.5, 3..12).prop_map(|radii| {
        let step = std::f32::consts::TAU / radii.len() as f32;
        let vertex = |(i, r): (usize, &f32)| {
            let angle = step * i as f32;
            Point::new(0.5 + r * angle.cos(), 0.5 + r * angle.sin())
        };
        radii.iter().enumerate().map(vertex).collect()
    })
}

/// Sum of the angles under which a point sees the sides, in turns; NaN where it is too near a side to tell.
fn turns(vertices: &[Point], p: Point) -> f64 {
    let mut sum = 0.0;
    for (i, a) in vertices.iter().enumerate() {
        let b = vertices[(i + 1) % vertices.len()];
        let (ax, ay) = (
            f64::from(a.x) - f64::from(p.x),
            f64::from(a.y) - f64::from(p.y),
        );
        let (bx, by) = (
            f64::from(b.x) - f64::from(p.x),
            f64::from(b.y) - f64::from(p.y),
        );
        let angle = (ax * by - ay * bx).atan2(ax * bx + ay * by);
        if angle.abs() > std::f64::consts::PI - 0.002 {
            return f64::NAN;
        }
        sum += angle;
    }
    sum / std::f64::consts::TAU
}

proptest! {
    #[test]
    fn polygon_agrees_with_the_sum_of_angles(vertices in star(), p in point()) {
        let polygon = Polygon::new(vertices.clone()).unwrap();
        let turns = turns(&vertices, p);
        prop_assume!(turns.is_finite());
        prop_assert_eq!(polygon.contains(p), turns.abs() > 0.5);
    }

    #[test]
    fn either_way_round_is_the_same_zone(vertices in star(), p in point()) {
        let reversed: Vec<Point> = vertices.iter().rev().copied().collect();
        let (a, b) = (Polygon::new(vertices).unwrap(), Polygon::new(reversed).unwrap());
        prop_assert_eq!(a.contains(p), b.contains(p));
    }

    #[test]
    fn turning_a_line_swaps_its_sides(a in point(), b in point(), p in point()) {
        prop_assume!(a != b);
        let (line, back) = (Line::new(a, b).unwrap(), Line::new(b, a).unwrap());
        prop_assert!((line.side(p) + back.side(p)).abs() < 1e-6);
    }

    #[test]
    fn a_path_meets_a_line_where_a_fine_walk_changes_sides(a in point(), b in point(), p in point(), q in point()) {
        prop_assume!(a != b && p != q);
        let (line, path) = (Line::new(a, b).unwrap(), Line::new(p, q).unwrap());
        let sides = [line.side(p), line.side(q), path.side(a), path.side(b)];
        prop_assume!(sides.iter().all(|s| s.abs() > 1e-4));
        let apart = |s: f32, t: f32| (s > 0.0) != (t > 0.0);
        prop_assert_eq!(line.meets(p, q), apart(sides[0], sides[1]) && apart(sides[2], sides[3]));
    }

    #[test]
    fn overlap_is_symmetric_and_bounded(a in point(), b in point(), c in point(), d in point()) {
        let (r, s) = (Rect::between(a, b), Rect::between(c, d));
        let iou = r.iou(&s);
        prop_assert!((0.0..=1.0001).contains(&iou));
        prop_assert!((iou - s.iou(&r)).abs() < 1e-5);
        prop_assert!(r.area() == 0.0 || (r.iou(&r) - 1.0).abs() < 1e-3);
        prop_assert!(r.union(&s).area() + 1e-6 >= r.area().max(s.area()));
    }
}
