//! `[cameras.calibration]`: four points of the ground, or a rectangle on it, from raw to [`Ground`].

use analytics::{geometry::Point, ground::Ground};

use super::{
    check::Check,
    problem::At,
    raw::{RawCalibration, RawCamera},
};

/// The camera's ground, if it is calibrated.
pub(super) fn check(check: &mut Check<'_>, camera: &RawCamera) -> Option<Ground> {
    let raw = camera.calibration.given()?;
    if let Some(points) = raw.value.points.given() {
        for (key, given) in [
            ("rectangle", raw.value.rectangle.given().is_some()),
            ("sides_m", raw.value.sides_m.given().is_some()),
        ] {
            if given {
                let text =
                    format!("contradicts {key}: give four points, or a rectangle and its sides");
                return check.refuse(points, text);
            }
        }
    }
    if raw.value.rectangle.is_absent() {
        from_points(check, raw)
    } else {
        from_rectangle(check, raw)
    }
}

fn from_points(check: &mut Check<'_>, raw: &At<RawCalibration>) -> Option<Ground> {
    let problems = &mut check.problems;
    let points = raw.value.points.required(&raw.place, "points", problems)?;
    let mut read = Vec::new();
    for point in &points.value {
        let problems = &mut check.problems;
        let image = point.image.required(&point.place, "image", problems);
        let ground = point.ground.required(&point.place, "ground", problems);
        read.push((image?.value, ground?.value));
    }
    match ground(&read) {
        Ok(ground) => Some(ground),
        Err(why) => check.refuse(points, why),
    }
}

fn from_rectangle(check: &mut Check<'_>, raw: &At<RawCalibration>) -> Option<Ground> {
    let corners = raw.value.rectangle.given()?;
    let problems = &mut check.problems;
    let sides = raw
        .value
        .sides_m
        .required(&raw.place, "sides_m", problems)?;
    let points: Vec<Point> = corners.value.iter().map(|at| point(at.value)).collect();
    let Ok(points) = <[Point; 4]>::try_from(points) else {
        let text = format!("a rectangle has 4 corners, found {}", corners.value.len());
        return check.refuse(corners, text);
    };
    match Ground::rectangle(points, sides.value) {
        Ok(ground) => Some(ground),
        Err(why) => check.refuse(corners, why.to_string()),
    }
}

/// From four points: where each is on the picture, and on the ground in metres.
///
/// # Errors
/// What is wrong with them.
pub(crate) fn ground(points: &[([f64; 2], [f64; 2])]) -> Result<Ground, String> {
    let read: Vec<_> = points.iter().map(|(i, g)| (point(*i), *g)).collect();
    let four = <[_; 4]>::try_from(read);
    let four = four.map_err(|read| format!("a calibration has 4 points, found {}", read.len()))?;
    Ground::new(four).map_err(|e| e.to_string())
}

fn point([x, y]: [f64; 2]) -> Point {
    Point {
        x: x as f32,
        y: y as f32,
    }
}
