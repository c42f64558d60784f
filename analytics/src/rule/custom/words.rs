//! What an expression may speak of, and its values.
//!
//! | name | what it is |
//! |---|---|
//! | `track` | an object: `label`, `score` (median), `age` in seconds, `still` in seconds, `x` and `y` of its foot point, `width`, `height`, `speed` in widths of the picture a second, `speed_kmh` over calibrated ground (0 until it is known), `zones.NAME`: seconds inside, 0 outside |
//! | `tracks` | all objects of the rule's classes |
//! | `count` | how many they are |
//! | `zones.NAME` | `count` of objects inside, `labels.NAME`: count of a class, `occupied`: seconds for which somebody is inside |

use std::{collections::HashMap, time::Duration};

use cel::Value;

use super::memory::Memory;
use crate::{
    geometry::Polygon,
    rule::episode,
    track::{Speed, Track},
};

/// What an object has everywhere.
const TRACK: [&str; 10] = [
    "label", "score", "age", "still", "x", "y", "width", "height", "speed", "zones",
];

/// What it has over calibrated ground.
const SPEED_KMH: &str = "speed_kmh";

/// What a zone has.
pub(super) const ZONE: [&str; 3] = ["count", "labels", "occupied"];

/// The names of a scene.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    /// The model's classes.
    pub(crate) labels: Vec<String>,
    /// The scene's zones.
    pub(crate) zones: Vec<String>,
    /// The ground is calibrated.
    pub(crate) calibrated: bool,
}

type Fields = HashMap<String, Value>;

impl Words {
    /// What an object has.
    pub(super) fn of_track(&self) -> Vec<&str> {
        let speed = self.calibrated.then_some(SPEED_KMH);
        TRACK.into_iter().chain(speed).collect()
    }

    /// An object, on a picture whose width is `aspect` times its height.
    pub(super) fn track(&self, track: &Track, memory: &Memory, at: Duration, aspect: f32) -> Value {
        let foot = track.rect.foot();
        let (right, down) = track.velocity;
        let label = self.labels.get(usize::from(track.class.0));
        let numbers = [
            ("score", f64::from(track.score_median)),
            ("age", at.saturating_sub(track.first_seen).as_secs_f64()),
            ("still", memory.still(track.id, at)),
            ("x", f64::from(foot.x)),
            ("y", f64::from(foot.y)),
            ("width", f64::from(track.rect.w)),
            ("height", f64::from(track.rect.h)),
            ("speed", f64::from(right.hypot(down / aspect))),
        ];
        let speed = |speed: Speed| f64::from(speed.mps) * 3.6;
        let speed = (SPEED_KMH, track.speed.map_or(0.0, speed));
        let numbers = numbers.into_iter().chain(self.calibrated.then_some(speed));
        let mut fields: Fields = numbers
            .map(|(name, number)| (name.to_owned(), Value::Float(number)))
            .collect();
        let inside = |place: usize| Value::Float(memory.inside(track.id, place, at));
        let label = label.map_or("", String::as_str);
        fields.insert("label".to_owned(), Value::from(label));
        fields.insert("zones".to_owned(), self.each_zone(inside));
        Value::from(fields)
    }

    /// The zones.
    pub(super) fn zones(
        &self,
        tracks: &[Track],
        zones: &[Polygon],
        memory: &Memory,
        at: Duration,
    ) -> Value {
        self.each_zone(|place| {
            let inside = zones
                .get(place)
                .map_or_else(Vec::new, |zone| episode::inside(zone, tracks.iter(), at));
            let labels = self.labels.iter().enumerate().map(|(class, label)| {
                let of_it = |track: &&Track| usize::from(track.class.0) == class;
                let count = inside.iter().filter(of_it).count();
                (label.clone(), Value::Int(count as i64))
            });
            let fields = [
                ("count".to_owned(), Value::Int(inside.len() as i64)),
                ("labels".to_owned(), Value::from(labels.collect::<Fields>())),
                (
                    "occupied".to_owned(),
                    Value::Float(memory.occupied(place, at)),
                ),
            ];
            Value::from(Fields::from(fields))
        })
    }

    fn each_zone(&self, value: impl Fn(usize) -> Value) -> Value {
        let zones = self.zones.iter().enumerate();
        let fields: Fields = zones
            .map(|(place, name)| (name.clone(), value(place)))
            .collect();
        Value::from(fields)
    }
}
