//! Points of the picture -> metres on the ground, and calibrations that are refused.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use analytics::{
    geometry::Point,
    ground::{Ground, GroundError},
};
use proptest::prelude::*;

/// Where a camera 6 m above the ground that looks `pitch` below the horizon sees a place: metres to its right and ahead.
fn seen(right: f64, ahead: f64, pitch: f64) -> Point {
    let (sin, cos) = pitch.sin_cos();
    let depth = ahead * cos + 6.0 * sin;
    let up = -6.0 * cos + ahead * sin;
    Point::new(
        (0.5 + 0.8 * right / depth) as f32,
        (0.5 - 1.4 * up / depth) as f32,
    )
}

const CORNERS: [[f64; 2]; 4] = [[-3.0, 10.0], [3.0, 10.0], [3.0, 30.0], [-3.0, 30.0]];

fn calibrated(pitch: f64) -> Ground {
    let points = CORNERS.map(|[x, y]| (seen(x, y, pitch), [x, y]));
    Ground::new(points).unwrap()
}

proptest! {
    #[test]
    fn places_are_found_again(right in -6.0_f64..6.0, ahead in 9.0_f64..45.0, pitch in 0.2_f64..0.5) {
        let [x, y] = calibrated(pitch).at(seen(right, ahead, pitch)).unwrap();
        prop_assert!((x - right).abs() < 0.02 && (y - ahead).abs() < 0.05, "{x} {y}");
    }
}

#[test]
fn a_rectangle_is_four_points() {
    let corners = CORNERS.map(|[x, y]| seen(x, y, 0.3));
    let ground = Ground::rectangle(corners, [6.0, 20.0]).unwrap();
    let [x, y] = ground.at(seen(0.0, 20.0, 0.3)).unwrap();
    assert!((x - 3.0).abs() < 0.01 && (y - 10.0).abs() < 0.01, "{x} {y}");
}

#[test]
fn the_ground_stretches_with_the_distance_and_ends_at_the_horizon() {
    let ground = calibrated(0.3);
    let stretch = |ahead| ground.stretch(seen(0.0, ahead, 0.3)).unwrap();
    let (near, far) = (stretch(10.0), stretch(30.0));
    assert!(
        far[0] > 2.0 * near[0] && far[1] > 5.0 * near[1],
        "{near:?} {far:?}"
    );
    assert_eq!(ground.at(Point::new(0.5, 0.01)), None);
}

#[test]
fn what_fixes_no_plane_is_refused() {
    let p = |x, y| Point::new(x, y);
    let square = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];
    let refusal = |corners: [Point; 4], metres: [[f64; 2]; 4]| {
        let mut metres = metres.into_iter();
        Ground::new(corners.map(|corner| (corner, metres.next().unwrap()))).unwrap_err()
    };
    let corners = [p(0.1, 0.9), p(0.9, 0.9), p(0.9, 0.2), p(0.1, 0.2)];
    let line = [p(0.1, 0.9), p(0.5, 0.9), p(0.9, 0.9), p(0.1, 0.2)];
    assert_eq!(
        refusal(line, square),
        GroundError::OnALine("on the picture")
    );
    let flat = [[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [0.0, 1.0]];
    assert_eq!(
        refusal(corners, flat),
        GroundError::OnALine("on the ground")
    );
    let twisted = [[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]];
    assert_eq!(refusal(corners, twisted), GroundError::Twisted);
    let outside = [p(0.1, 1.2), p(0.9, 0.9), p(0.9, 0.2), p(0.1, 0.2)];
    assert_eq!(refusal(outside, square), GroundError::Outside(0));
    assert_eq!(
        Ground::rectangle(corners, [0.0, 3.0]).unwrap_err(),
        GroundError::Sides
    );
}
