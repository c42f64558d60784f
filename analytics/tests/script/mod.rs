//! Scripted scenes as text. A line is one of
//!
//! ```text
//! line NAME X Y X Y                       zone NAME X Y X Y X Y ...
//! rule ID line_crossing LINE DIRECTION [CLASS ...]
//! rule ID intrusion|loitering|stopped_vehicle ZONE SECONDS [CLASS ...]
//! rule ID crowd ZONE COUNT,SECONDS [CLASS ...]
//! rule ID congestion ZONE COUNT,SPEED,SECONDS [CLASS ...]
//! rule ID wrong_way ZONE DEGREES,TOLERANCE,DISTANCE [CLASS ...]
//! fps N                                   wobble SIZE (foot points of the walks below sway by so much)
//! walk CLASS SCORE  T X Y  T X Y  W H     an object of size W x H whose foot point goes from place to place
//! ```

use std::{collections::BTreeMap, time::Duration};

use analytics::{
    detection::{ClassId, Detection},
    geometry::{Line, Point, Polygon, Rect},
    ground::Ground,
    incident::IncidentChange,
    rule::{DEFAULT_HYSTERESIS, Direction, LifeSettings, RuleSettings, RuleSpec},
    scene::{Scene, SceneSettings},
    track::TrackerSettings,
};

pub(crate) const LABELS: [&str; 6] = ["person", "bicycle", "car", "truck", "fallen", "smoke"];

pub(crate) struct Script {
    pub(crate) settings: SceneSettings,
    /// Milliseconds -> detections.
    pub(crate) frames: BTreeMap<u64, Vec<Detection>>,
}

pub(crate) fn labels() -> Vec<String> {
    LABELS.map(String::from).to_vec()
}

fn numbers(words: &[&str]) -> Vec<f32> {
    words
        .iter()
        .map(|w| w.parse().unwrap_or_else(|_| panic!("no number: {w}")))
        .collect()
}

fn points(words: &[&str]) -> Vec<Point> {
    numbers(words)
        .chunks_exact(2)
        .map(|p| Point::new(p[0], p[1]))
        .collect()
}

impl Script {
    pub(crate) fn read(text: &str) -> Script {
        Script::read_at(text, None)
    }

    /// At `fixed` frames a second, whatever the script says.
    pub(crate) fn read_at(text: &str, fixed: Option<f32>) -> Script {
        let mut script = Script {
            settings: SceneSettings {
                zones: Vec::new(),
                lines: Vec::new(),
                rules: Vec::new(),
                tracker: TrackerSettings::default(),
                ground: None,
            },
            frames: BTreeMap::new(),
        };
        let (mut fps, mut wobble) = (fixed.unwrap_or(10.0), 0.0);
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[..] {
                [] | ["#", ..] => {}
                ["line", name, ref ends @ ..] => {
                    let ends = points(ends);
                    script
                        .settings
                        .lines
                        .push((name.to_owned(), Line::new(ends[0], ends[1]).unwrap()));
                }
                ["zone", name, ref corners @ ..] => {
                    script
                        .settings
                        .zones
                        .push((name.to_owned(), Polygon::new(points(corners)).unwrap()));
                }
                ["custom", id, seconds, class, ref when @ ..] => {
                    let settings = custom(id, seconds, class, &when.join(" "));
                    script.settings.rules.push(settings);
                }
                ["rule", id, ref spec @ ..] => script.settings.rules.push(rule(id, spec)),
                ["rectangle", ref numbers @ ..] => script.calibrate(numbers),
                ["life", id, key, value] => script.live(id, key, value),
                ["fps", n] => fps = fixed.unwrap_or(n.parse().unwrap()),
                ["wobble", size] => wobble = size.parse().unwrap(),
                ["walk", class, score, ref way @ ..] => {
                    script.walk(class, score, &numbers(way), fps, wobble)
                }
                _ => panic!("no line of a script: {line}"),
            }
        }
        script
    }

    /// `rectangle X Y X Y X Y X Y METRES METRES`: the ground, by a rectangle on it.
    fn calibrate(&mut self, words: &[&str]) {
        let corners: [Point; 4] = points(&words[..8]).try_into().unwrap();
        let sides = numbers(&words[8..]);
        let sides = [f64::from(sides[0]), f64::from(sides[1])];
        self.settings.ground = Some(Ground::rectangle(corners, sides).unwrap());
    }

    /// `life ID KEY VALUE`: which incidents of a rule above are told.
    fn live(&mut self, id: &str, key: &str, value: &str) {
        let rule = self.settings.rules.iter_mut().find(|rule| rule.id == id);
        let life = &mut rule.unwrap().life;
        match key {
            "cool_down" => life.cool_down = Duration::from_secs_f32(value.parse().unwrap()),
            "max_per_minute" => life.max_per_minute = value.parse().unwrap(),
            "min_displacement" => life.min_displacement = value.parse().unwrap(),
            "silent" => life.silent = value == "yes",
            "ignore" => life.ignore.push(value.to_owned()),
            _ => panic!("no such key: {key}"),
        }
    }

    fn walk(&mut self, class: &str, score: &str, way: &[f32], fps: f32, wobble: f32) {
        let [t0, x0, y0, t1, x1, y1, w, h] = way[..] else {
            panic!("a walk has 8 numbers: {way:?}")
        };
        let class = LABELS.iter().position(|l| *l == class).unwrap();
        let mut frame = (t0 * fps).round();
        while frame <= (t1 * fps).round() {
            let part = if t1 > t0 {
                (frame / fps - t0) / (t1 - t0)
            } else {
                0.0
            };
            let sway = if frame % 2.0 == 0.0 { wobble } else { -wobble };
            let (x, y) = (x0 + (x1 - x0) * part, y0 + (y1 - y0) * part + sway);
            let rect = Rect {
                x: x - w / 2.0,
                y: y - h,
                w,
                h,
            };
            let detection = Detection {
                class: ClassId(class as u16),
                score: score.parse().unwrap(),
                rect,
            };
            self.frames
                .entry((frame * 1000.0 / fps).round() as u64)
                .or_default()
                .push(detection);
            frame += 1.0;
        }
        // Frames in which nothing is seen are frames, too.
        let (last, step) = (*self.frames.keys().last().unwrap(), 1000.0 / fps);
        for i in 0..=(last as f32 / step).round() as u64 {
            self.frames
                .entry((i as f32 * step).round() as u64)
                .or_default();
        }
    }

    /// Runs the scene to its end and 5 s on; gives what changed.
    pub(crate) fn play(&self) -> Vec<IncidentChange> {
        let mut scene = Scene::new(&self.settings, &labels()).unwrap();
        let mut changes = Vec::new();
        let mut last = 0;
        for (&at, dets) in &self.frames {
            changes.extend(scene.update(Duration::from_millis(at), dets));
            last = at;
        }
        for step in 1..=50 {
            changes.extend(scene.update(Duration::from_millis(last + step * 100), &[]));
        }
        changes
    }

    /// One line a change.
    pub(crate) fn tell(&self) -> String {
        let line = |c: &IncidentChange| {
            let mut told = format!(
                "{:5.1} s  {:?} #{} {} ({})",
                c.at.as_secs_f32(),
                c.transition,
                c.incident.0,
                self.settings.rules[c.rule.0].id,
                c.kind.as_str(),
            );
            if let Some(object) = c.objects.first() {
                let (class, foot) = (usize::from(object.class.0), object.rect.foot());
                let (class, track) = (LABELS[class], object.track.0);
                let (x, y) = (foot.x, foot.y);
                told += &format!(
                    " by {class} {track} of {:.2} at {x:.2},{y:.2}",
                    c.confidence
                );
            }
            if let Some(speed) = c.objects.first().and_then(|object| object.speed) {
                told += &format!(" at {:.1} +- {:.1} m/s", speed.mps, speed.error_mps);
            }
            if c.suppressed_before > 0 {
                told += &format!(" after {} held back", c.suppressed_before);
            }
            told
        };
        let lines: Vec<String> = self.play().iter().map(line).collect();
        if lines.is_empty() {
            "silence".to_owned()
        } else {
            lines.join("\n")
        }
    }
}

/// `custom ID SECONDS CLASS EXPRESSION`: of all classes where the class is `-`.
fn custom(id: &str, seconds: &str, class: &str, when: &str) -> RuleSettings {
    RuleSettings {
        id: id.to_owned(),
        classes: (class != "-")
            .then(|| class.to_owned())
            .into_iter()
            .collect(),
        rule: RuleSpec::Custom {
            when: when.to_owned(),
            min_duration: Duration::from_secs_f32(seconds.parse().unwrap()),
        },
        life: LifeSettings::default(),
    }
}

fn rule(id: &str, spec: &[&str]) -> RuleSettings {
    let [kind, place, how, ref classes @ ..] = spec[..] else {
        panic!("rule {id} lacks something")
    };
    let number = |place: usize| -> f32 { how.split(',').nth(place).unwrap().parse().unwrap() };
    let min_duration = || Duration::from_secs_f32(number(0));
    let place = place.to_owned();
    let anywhere = (place != "anywhere").then(|| place.clone());
    let rule = match kind {
        "line_crossing" => RuleSpec::LineCrossing {
            line: place,
            direction: match how {
                "forward" => Direction::Forward,
                "backward" => Direction::Backward,
                "any" => Direction::Any,
                _ => panic!("no direction: {how}"),
            },
            hysteresis: DEFAULT_HYSTERESIS,
        },
        "intrusion" => RuleSpec::Intrusion {
            zone: place,
            min_duration: min_duration(),
        },
        "loitering" => RuleSpec::Loitering {
            zone: place,
            min_duration: min_duration(),
        },
        "stopped_vehicle" => RuleSpec::StoppedVehicle {
            zone: place,
            min_duration: min_duration(),
        },
        "crowd" => RuleSpec::Crowd {
            zone: place,
            min_count: number(0) as u32,
            min_duration: Duration::from_secs_f32(number(1)),
        },
        "congestion" => RuleSpec::Congestion {
            zone: place,
            min_count: number(0) as u32,
            max_speed: number(1),
            min_duration: Duration::from_secs_f32(number(2)),
        },
        "wrong_way" => RuleSpec::WrongWay {
            zone: place,
            direction_degrees: number(0),
            tolerance_degrees: number(1),
            min_distance: number(2),
        },
        "speeding" => RuleSpec::Speeding {
            zone: anywhere,
            limit_kmh: number(0),
        },
        "running" => RuleSpec::Running {
            zone: anywhere,
            min_speed: number(0),
            min_duration: Duration::from_secs_f32(number(1)),
        },
        "fall" => RuleSpec::Fall {
            zone: anywhere,
            min_duration: min_duration(),
        },
        "fire_smoke" => RuleSpec::FireSmoke {
            zone: anywhere,
            min_duration: min_duration(),
        },
        "occupancy" => RuleSpec::Occupancy {
            zone: place,
            min_count: number(0) as u32,
            max_count: number(1) as u32,
            min_duration: Duration::from_secs_f32(number(2)),
        },
        "gathering" => RuleSpec::Gathering {
            zone: place,
            min_count: number(0) as u32,
            min_duration: Duration::from_secs_f32(number(1)),
        },
        "dispersal" => RuleSpec::Dispersal {
            zone: place,
            min_count: number(0) as u32,
            within: Duration::from_secs_f32(number(1)),
        },
        "sequence" => RuleSpec::Sequence {
            first: place,
            then: how.split(',').next().unwrap().to_owned(),
            within: Duration::from_secs_f32(number(1)),
            same_object: how.ends_with(",same"),
        },
        "counting" => RuleSpec::Counting { line: place },
        _ => panic!("no rule: {kind}"),
    };
    let classes = classes.iter().map(|c| (*c).to_owned()).collect();
    RuleSettings {
        id: id.to_owned(),
        classes,
        rule,
        life: LifeSettings::default(),
    }
}
