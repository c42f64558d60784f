//! Zones and lines as typed: in parts of the picture, or in metres on the ground, which the camera then projects.

use serde::Deserialize;

use super::RawScene;
use crate::scene::rules::{Line, Zone};
use crate::space::{Camera, Size, V2, v2};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scene) struct RawZone {
    id: String,
    polygon: Option<Vec<[f32; 2]>>,
    /// Metres.
    ground: Option<Vec<V2>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scene) struct RawLine {
    id: String,
    from: Option<[f32; 2]>,
    to: Option<[f32; 2]>,
    /// Metres: from, to.
    ground: Option<[V2; 2]>,
}

/// Zones and lines in parts of the picture, or what is wrong with them.
pub(in crate::scene) fn marks(raw: &RawScene) -> Result<(Vec<Zone>, Vec<Line>), Vec<String>> {
    let [width, height] = raw.size;
    let camera = Camera::new(&raw.camera, Size { width, height });
    let mut problems = Vec::new();
    let mut keep = |key: String, problem: String| problems.push(format!("{key}: {problem}"));
    let mut zones = Vec::new();
    for (i, z) in raw.zones.iter().enumerate() {
        match polygon(z, &camera) {
            Ok(polygon) => zones.push(Zone {
                id: z.id.clone(),
                polygon,
            }),
            Err((key, problem)) => keep(format!("zones[{i}].{key} ({})", z.id), problem),
        }
    }
    let mut lines = Vec::new();
    for (i, l) in raw.lines.iter().enumerate() {
        match ends(l, &camera) {
            Ok([from, to]) => lines.push(Line {
                id: l.id.clone(),
                from,
                to,
            }),
            Err((key, problem)) => keep(format!("lines[{i}].{key} ({})", l.id), problem),
        }
    }
    if problems.is_empty() {
        Ok((zones, lines))
    } else {
        Err(problems)
    }
}

type Problem = (&'static str, String);

fn polygon(zone: &RawZone, camera: &Camera) -> Result<Vec<[f32; 2]>, Problem> {
    match (&zone.polygon, &zone.ground) {
        (Some(polygon), None) => Ok(polygon.clone()),
        (None, Some(ground)) => {
            let corners: Vec<_> = ground.iter().map(|p| p.up(0.0)).collect();
            let seen = cut_to_picture(camera.project_polygon(&corners), camera.size());
            if seen.len() < 3 {
                return Err(("ground", "the camera does not see it".into()));
            }
            Ok(seen.iter().map(|p| parts(*p, camera.size())).collect())
        }
        (None, None) => Err((
            "polygon",
            "missing; give polygon (parts of the picture) or ground (metres)".into(),
        )),
        (Some(_), Some(_)) => Err(("ground", "there is a polygon too; give one of them".into())),
    }
}

fn ends(line: &RawLine, camera: &Camera) -> Result<[[f32; 2]; 2], Problem> {
    match (line.from, line.to, line.ground) {
        (Some(from), Some(to), None) => Ok([from, to]),
        (None, None, Some(ends)) => {
            let [from, to] = ends.map(|p| camera.project(p.up(0.0)));
            let (Some(from), Some(to)) = (from, to) else {
                return Err(("ground", "an end lies behind the camera".into()));
            };
            let [from, to] = [from, to].map(|p| parts(p, camera.size()));
            if [from, to]
                .iter()
                .flatten()
                .any(|v| !(0.0..=1.0).contains(v))
            {
                let told = format!("from {from:?} to {to:?} reaches outside the picture (0 to 1)");
                return Err(("ground", told));
            }
            Ok([from, to])
        }
        (None, None, None) => Err((
            "from",
            "missing; give from and to (parts of the picture) or ground (metres)".into(),
        )),
        (_, _, Some(_)) => Err((
            "ground",
            "there are from or to as well; give one of them".into(),
        )),
        _ => Err(("from", "needs both from and to".into())),
    }
}

/// Pixels to parts of the picture, rounded to thousandths as somebody would write them.
fn parts(p: V2, size: Size) -> [f32; 2] {
    let thousandths = |v: f32, of: u32| (v / of as f32 * 1000.0).round() / 1000.0;
    [thousandths(p.x, size.width), thousandths(p.y, size.height)]
}

/// The part of a polygon (pixels) that lies in the picture, one edge of the picture after the other
/// (Sutherland and Hodgman 1974).
fn cut_to_picture(polygon: Vec<V2>, size: Size) -> Vec<V2> {
    let (w, h) = (size.width as f32, size.height as f32);
    let edges: [(V2, f32); 4] = [
        (v2(1.0, 0.0), 0.0),
        (v2(-1.0, 0.0), -w),
        (v2(0.0, 1.0), 0.0),
        (v2(0.0, -1.0), -h),
    ];
    edges.into_iter().fold(polygon, |rest, (inward, least)| {
        let depth = |p: V2| p.dot(inward) - least;
        let mut kept = Vec::with_capacity(rest.len() + 1);
        for (i, &here) in rest.iter().enumerate() {
            let before = rest[(i + rest.len() - 1) % rest.len()];
            let (a, b) = (depth(before), depth(here));
            if (a < 0.0) != (b < 0.0) {
                kept.push(before + (here - before) * (a / (a - b)));
            }
            if b >= 0.0 {
                kept.push(here);
            }
        }
        kept
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size {
        width: 1280,
        height: 720,
    };

    fn camera() -> Camera {
        let mount =
            r#"{ at = [0, 0], height = 6.0, pitch_deg = 20.0, yaw_deg = 0.0, fov_deg = 70.0 }"#;
        let table: toml::Table = format!("m = {mount}").parse().unwrap();
        Camera::new(&table["m"].clone().try_into().unwrap(), SIZE)
    }

    fn zone(text: &str) -> RawZone {
        toml::from_str(&format!("id = \"z\"\n{text}")).unwrap()
    }

    #[test]
    fn a_zone_in_metres_lies_where_the_camera_sees_that_ground() {
        let ground = [[-3.0, 14.0], [3.0, 14.0], [3.0, 22.0], [-3.0, 22.0]];
        let seen = polygon(&zone(&format!("ground = {ground:?}")), &camera()).unwrap();
        for (p, wanted) in seen.iter().zip(ground) {
            let point = v2(p[0] * 1280.0, p[1] * 720.0);
            let found = camera().ground_at(point).unwrap();
            assert!(
                (found - V2::from(wanted)).length() < 0.15,
                "{found:?} for {wanted:?}"
            );
        }
    }

    #[test]
    fn a_zone_that_reaches_past_the_picture_is_cut_at_its_edge() {
        let wide = zone("ground = [[-90, 14], [90, 14], [90, 22], [-90, 22]]");
        let seen = polygon(&wide, &camera()).unwrap();
        assert!(seen.iter().flatten().all(|v| (0.0..=1.0).contains(v)));
        let widest = seen.iter().map(|p| p[0]).fold(0.0, f32::max);
        assert_eq!(widest, 1.0);
    }

    #[test]
    fn what_the_camera_cannot_see_is_refused() {
        let behind = zone("ground = [[-3, -14], [3, -14], [3, -22]]");
        assert_eq!(polygon(&behind, &camera()).unwrap_err().0, "ground");
        let outside = "id = \"l\"\nground = [[-90, 14], [90, 14]]";
        let (key, what) = ends(&toml::from_str(outside).unwrap(), &camera()).unwrap_err();
        assert!(
            key == "ground" && what.contains("outside the picture"),
            "{what}"
        );
    }

    #[test]
    fn a_zone_is_given_once() {
        for (text, word) in [
            ("", "missing"),
            (
                "polygon = [[0, 0], [1, 0], [1, 1]]\nground = [[0, 9], [1, 9], [1, 12]]",
                "one of them",
            ),
        ] {
            let (_, what) = polygon(&zone(text), &camera()).unwrap_err();
            assert!(what.contains(word), "{what}");
        }
    }
}
