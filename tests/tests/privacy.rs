//! What leaves a node shows nothing of what is masked, and nobody who has no part in the incident: every picture of a
//! street's day is decoded and held against the exact truth of who stood where.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failing step of a test ends it and says why"
)]

use std::{
    collections::BTreeSet,
    path::Path,
    time::{Duration, Instant},
};

use analytics::geometry::{Point, Polygon};
use camera_sim::{
    actor::Class,
    scene::{self, Renderer},
    serve::{CameraSettings, Passes, Server, ServerSettings, StartMode},
};
use edge_agent::camera::{file::Clip, gate::FrameGate};
use image::RgbImage;
use protocol::{CameraState, topic};
use serde_json::{Value, json};
use tests::harness::{
    Leash, Node, NodeConfig, PATIENCE, Scene, Told, Town, WatchedCamera, wait_for,
};

const SCENE: &str = "school-gate";
const COMMANDS: &str = "/api/nodes/test/street/node/commands";
/// A scene lasts three quarters of a minute.
const A_PASS: Duration = Duration::from_secs(180);
/// Seconds within which the time of a picture is known.
const ABOUT: f64 = 0.15;
/// Seconds within which the best frame is chosen.
const WINDOW: f64 = 1.0;

/// Two corners of the street where people pass.
const MASKS: [&[(f32, f32)]; 2] = [
    &[(0.05, 0.40), (0.30, 0.46), (0.12, 0.80)],
    &[(0.56, 0.30), (0.70, 0.32), (0.69, 0.43), (0.57, 0.41)],
];

/// Share of the picture's width that a cell is at least, as in the configuration's default.
const CELL: f32 = 0.0125;
/// Brightest, of 255, that a pixel of a mask may come out of the encoder: lines of boxes ring three pixels into it.
const RINGS: u8 = 112;
/// Mean deviation from a cell's mean, of 255, that the encoder may leave in one of one colour.
const FLAT: f32 = 9.0;
/// Lower than this share of the picture nobody can be told from a post.
const TINY: f32 = 0.03;
/// Less of a person than this is not a person's picture.
const HIDDEN: f32 = 0.5;

/// A picture that left the node.
struct Shown {
    what: String,
    rgb: RgbImage,
    /// Seconds of media time between which it was taken.
    between: (f64, f64),
    /// When its incident opened, and the boxes of who takes part in it.
    incident: Option<(f64, Vec<[f32; 4]>)>,
}

/// Left, top, right, bottom in shares of the picture.
type Corners = [f32; 4];

#[test]
fn no_picture_that_leaves_shows_what_is_masked_or_who_has_no_part() {
    let mut town = Town::start().unwrap();
    let scene = Scene::rendered(SCENE).unwrap();
    let camera = CameraSettings {
        start: StartMode::OnFirstPlay,
        passes: Passes::Once,
        ..scene.camera()
    };
    let settings = ServerSettings::loopback(town.folder().join("cache"), vec![camera]);
    let server = Server::start(settings).unwrap();
    let watched = masked(scene.watched(server.url(SCENE), None));
    let mut config = NodeConfig::new("node", town.broker.port(), vec![watched]);
    config.command_keys = vec![town.centre.command_key().unwrap()];
    let mut node = Node::start(&town.folder().join("node"), &config, Leash::Drop).unwrap();
    town.centre.sign_in().unwrap();
    wait_for("a camera", PATIENCE, &mut [&mut node.process], || {
        Ok((state(&town) == Some(CameraState::Watching)).then_some(()))
    })
    .unwrap();
    let zero = server.started_at(SCENE).unwrap();
    let media = |at: jiff::Timestamp| at.duration_since(zero).as_secs_f64();
    wait_for("people", A_PASS, &mut [&mut node.process], || {
        Ok((media(jiff::Timestamp::now()) > 13.0).then_some(()))
    })
    .unwrap();
    let asked = media(jiff::Timestamp::now());
    let order = json!({"kind": "snapshot", "camera": SCENE});
    let request = order_done(&town, &mut node, &order)["request"].clone();
    let answered = media(jiff::Timestamp::now());
    order_done(
        &town,
        &mut node,
        &json!({"kind": "test_alarm", "camera": SCENE}),
    );
    wait_for("the clip's end", A_PASS, &mut [&mut node.process], || {
        Ok((state(&town) != Some(CameraState::Watching)).then_some(()))
    })
    .unwrap();
    let told = settled(&town, &mut node);

    let request = request.as_str().unwrap();
    let path = format!("/api/commands/{request}/evidence/snapshot");
    let mut shown = vec![Shown {
        what: format!("{request}/snapshot"),
        rgb: decode(&town.centre.fetch(&path).unwrap()),
        between: (asked - 1.0, answered),
        incident: None,
    }];
    for incident in town.centre.incidents().unwrap() {
        shown.extend(of_incident(&town, &incident.id, media(incident.captured)));
    }
    let looked_at: BTreeSet<String> = shown.iter().map(|shown| shown.what.clone()).collect();
    assert_eq!(
        looked_at, told,
        "pictures that left the node and those that were looked at"
    );
    assert!(shown.len() >= 9, "{told:?}");
    Judge::new(&scene).judge(&shown);
}

fn masked(camera: WatchedCamera) -> WatchedCamera {
    let masks = MASKS.iter().enumerate().map(|(i, points)| {
        let points: Vec<[f32; 2]> = points.iter().map(|(x, y)| [*x, *y]).collect();
        format!("{{ id = \"mask-{i}\", polygon = {points:?} }}")
    });
    let masks: Vec<String> = masks.collect();
    let fragment = format!("privacy = {{ masks = [{}] }}", masks.join(", "));
    camera.with(&fragment).unwrap()
}

fn state(town: &Town) -> Option<CameraState> {
    let health = town.recorder.last_health()?;
    health.cameras.first().map(|camera| camera.state)
}

/// Gives a command and waits until it is done.
fn order_done(town: &Town, node: &mut Node, order: &Value) -> Value {
    let given = town.centre.ask(COMMANDS, Some(order)).unwrap();
    wait_for("an answer", PATIENCE, &mut [&mut node.process], || {
        let overview = town.centre.ask("/api/nodes", None)?;
        let commands = overview["nodes"][0]["commands"].as_array().cloned();
        let shown = commands
            .unwrap_or_default()
            .into_iter()
            .find(|command| command["request"] == given["request"]);
        Ok(shown.filter(|shown| shown["state"] == "done"))
    })
    .unwrap()
}

/// Waits until all that the node has told has come, and gives the parts of evidence that did.
fn settled(town: &Town, node: &mut Node) -> BTreeSet<String> {
    let from = jiff::Timestamp::now();
    wait_for("an empty spool", PATIENCE, &mut [&mut node.process], || {
        let health = town.recorder.last_health();
        Ok(health
            .filter(|health| health.time > from && health.spool_pending == 0)
            .map(drop))
    })
    .unwrap();
    let mut parts = BTreeSet::new();
    for message in town.recorder.messages() {
        if let (Told::Other, Ok((_, topic::Topic::Evidence { incident, part }))) =
            (&message.told, topic::parse(&message.topic))
        {
            parts.insert(format!("{incident}/{part}"));
        }
    }
    parts
}

/// The pictures of an incident that was captured `at`.
fn of_incident(town: &Town, id: &str, at: f64) -> Vec<Shown> {
    let detail = wait_for("evidence at the centre", PATIENCE, &mut [], || {
        let detail = town.centre.ask(&format!("/api/incidents/{id}"), None)?;
        let parts = detail["evidence"].as_array().cloned().unwrap_or_default();
        let whole = parts.len() == 2 && parts.iter().all(|part| !part["verified"].is_null());
        Ok(whole.then_some(detail))
    })
    .unwrap();
    let test = detail["incident"]["test"] == true;
    let objects = detail["objects"].as_array().unwrap().iter();
    let boxes = objects.map(|object| {
        let rect: [f32; 4] = serde_json::from_value(object["box"].clone()).unwrap();
        corners(rect)
    });
    let boxes: Vec<Corners> = boxes.collect();
    let parts = detail["evidence"].as_array().unwrap().iter();
    let shown = parts.map(|part| {
        let part = part["part"].as_str().unwrap();
        let jpeg = (town
            .centre
            .fetch(&format!("/api/incidents/{id}/evidence/{part}")))
        .unwrap();
        let later = if part == "snapshot" && !test {
            WINDOW
        } else {
            0.0
        };
        Shown {
            what: format!("{id}/{part}"),
            rgb: decode(&jpeg),
            between: (at - ABOUT, at + later + ABOUT),
            incident: (!test).then(|| (at, boxes.clone())),
        }
    });
    shown.collect()
}

fn corners([x, y, w, h]: [f32; 4]) -> Corners {
    [x, y, x + w, y + h]
}

fn decode(jpeg: &[u8]) -> RgbImage {
    image::load_from_memory(jpeg).unwrap().into_rgb8()
}

/// Width and height of the coarse pictures by which a frame is known again.
const COARSE: (u32, u32) = (96, 54);

/// Holds pictures against the scene as it really was.
struct Judge {
    scene: scene::Scene,
    /// Every frame of the clip, coarse.
    frames: Vec<Vec<f32>>,
}

/// Somebody in a frame.
struct Person {
    actor: usize,
    bounds: Corners,
}

impl Judge {
    fn new(shown: &Scene) -> Judge {
        let mut clip = Clip::open(&shown.clip, FrameGate::new(f32::INFINITY)).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = clip.next_frame().unwrap() {
            let picture = frame.picture();
            let luma = picture.planes[0];
            frames.push(coarse((picture.width, picture.height), |x, y| {
                let code = luma.data[y as usize * luma.stride + x as usize];
                (f32::from(code) - 16.0) * 255.0 / 219.0
            }));
        }
        let scene = scene::Scene::load(&shown.name).unwrap();
        assert_eq!(frames.len(), scene.frames());
        Judge { scene, frames }
    }

    fn judge(&self, shown: &[Shown]) {
        let began = Instant::now();
        let renderer = Renderer::new(&self.scene);
        let (mut people, mut cells, mut sharp, mut kept, mut brightest) = (0, 0, 0, 0, 0);
        let mut faults = Vec::new();
        for picture in shown {
            brightest = brightest.max(mask_is_black(picture));
            let frame = self.frame_of(picture);
            let taking_part = self.taking_part(&renderer, picture);
            let shot = renderer.render(frame);
            let everybody = self.people(&shot.seen);
            let own = everybody.iter().filter(|p| taking_part.contains(&p.actor));
            let own: Vec<Corners> = own.map(|p| p.bounds).collect();
            kept += usize::from(own.iter().any(|p| textured(&picture.rgb, p, &[]).0 > 0));
            for person in everybody.iter().filter(|p| !taking_part.contains(&p.actor)) {
                let (rough, all) = textured(&picture.rgb, &person.bounds, &own);
                people += 1;
                cells += all;
                if rough > 0 {
                    let name = picture.what.replace('/', "-");
                    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name + ".png");
                    picture.rgb.save(kept).unwrap();
                    let name = &self.scene.actors[person.actor].name;
                    faults.push(format!(
                        "{} frame {frame}: {name} at {:?}, {rough} of {all} cells",
                        picture.what, person.bounds
                    ));
                }
                sharp += textured(&bare(&shot, picture.rgb.dimensions()), &person.bounds, &own).0;
            }
        }
        println!(
            "{} pictures, {people} times somebody without a part in {cells} cells, {sharp} of them textured \
             without pixelation; {kept} pictures show whom they are about; brightest pixel of a mask {brightest}; judged in {:?}",
            shown.len(),
            began.elapsed()
        );
        assert!(faults.is_empty(), "{}", faults.join("\n"));
        assert!(
            people >= 10 && sharp * 4 > cells,
            "nothing was there to be hidden"
        );
        assert!(kept >= 2, "who takes part is to be seen");
    }

    /// The frame that a picture shows: of those it may be, the one most like it.
    fn frame_of(&self, picture: &Shown) -> usize {
        let rgb = &picture.rgb;
        let this = coarse(rgb.dimensions(), |x, y| luma(rgb.get_pixel(x, y).0));
        let place = |at: f64| (at * f64::from(self.scene.fps)).round().max(0.0) as usize;
        let last = self.frames.len() - 1;
        let (from, to) = (place(picture.between.0), place(picture.between.1));
        let unlike = |frame: usize| -> f32 {
            let other = self.frames[frame].iter();
            this.iter().zip(other).map(|(a, b)| (a - b).abs()).sum()
        };
        let frames = from.min(last)..=to.min(last);
        let likest = frames.min_by(|a, b| unlike(*a).total_cmp(&unlike(*b)));
        likest.unwrap()
    }

    /// Actors that take part in the incident: whose true boxes its objects' boxes show.
    fn taking_part(&self, renderer: &Renderer<'_>, picture: &Shown) -> Vec<usize> {
        let Some((at, boxes)) = &picture.incident else {
            return Vec::new();
        };
        let frame = (at * f64::from(self.scene.fps)).round() as usize;
        let seen = renderer.render(frame.min(self.frames.len() - 1)).seen;
        let people = self.people(&seen);
        let shown = people.iter().filter(|person| {
            let best = |b: &Corners| overlap(b, &person.bounds);
            boxes.iter().any(|b| {
                let rivals = people.iter().map(|p| overlap(b, &p.bounds));
                best(b) > 0.3 && best(b) >= rivals.fold(0.0, f32::max)
            })
        });
        shown.map(|person| person.actor).collect()
    }

    fn people(&self, seen: &[camera_sim::stage::Seen]) -> Vec<Person> {
        let (width, height) = (self.scene.size.width as f32, self.scene.size.height as f32);
        let people = seen.iter().filter(|seen| {
            matches!(seen.class, Class::Person | Class::Fallen)
                && seen.visibility >= HIDDEN
                && (seen.bounds.bottom - seen.bounds.top) >= TINY * height
        });
        let people = people.map(|seen| Person {
            actor: seen.actor,
            bounds: [
                seen.bounds.left / width,
                seen.bounds.top / height,
                seen.bounds.right / width,
                seen.bounds.bottom / height,
            ],
        });
        people.collect()
    }
}

fn luma([r, g, b]: [u8; 3]) -> f32 {
    0.2126 * f32::from(r) + 0.7152 * f32::from(g) + 0.0722 * f32::from(b)
}

/// Means of blocks.
fn coarse((width, height): (u32, u32), value: impl Fn(u32, u32) -> f32) -> Vec<f32> {
    let mut means = Vec::new();
    for row in 0..COARSE.1 {
        for column in 0..COARSE.0 {
            let (mut sum, mut count) = (0.0, 0.0);
            for y in row * height / COARSE.1..(row + 1) * height / COARSE.1 {
                for x in column * width / COARSE.0..(column + 1) * width / COARSE.0 {
                    sum += value(x, y);
                    count += 1.0;
                }
            }
            means.push(sum / f32::max(count, 1.0));
        }
    }
    means
}

/// Intersection over union.
fn overlap(a: &Corners, b: &Corners) -> f32 {
    let area = |c: &Corners| (c[2] - c[0]).max(0.0) * (c[3] - c[1]).max(0.0);
    let shared = area(&[
        a[0].max(b[0]),
        a[1].max(b[1]),
        a[2].min(b[2]),
        a[3].min(b[3]),
    ]);
    shared / (area(a) + area(b) - shared).max(f32::MIN_POSITIVE)
}

/// Every pixel that lies in a mask is black, as far as the encoder can: brightness beside it rings a little. How bright the
/// brightest is.
fn mask_is_black(picture: &Shown) -> u8 {
    let (width, height) = picture.rgb.dimensions();
    let mut most = 0;
    for points in MASKS {
        let points = points.iter().map(|(x, y)| Point::new(*x, *y));
        let mask = Polygon::new(points.collect()).unwrap();
        let (mut sum, mut count) = (0, 0);
        for (x, y, pixel) in picture.rgb.enumerate_pixels() {
            let at = |v: u32, length: u32| (v as f32 + 0.5) / length as f32;
            if mask.contains(Point::new(at(x, width), at(y, height))) {
                let value = pixel.0.into_iter().max().unwrap_or_default();
                assert!(value < RINGS, "{} {x} {y}: {pixel:?}", picture.what);
                most = most.max(value);
                sum += u32::from(value);
                count += 1;
            }
        }
        assert!(sum < 8 * count, "{}: a mask that glows", picture.what);
    }
    most
}

/// Whether a pixel is in a mask or within a block of the encoder from it.
fn is_masked((x, y): (u32, u32), (width, height): (u32, u32)) -> bool {
    let at = |v: u32, off: f32, length: u32| (v as f32 + 0.5 + off) / length as f32;
    let around = [-8.0, 0.0, 8.0].map(|dx| [-8.0, 0.0, 8.0].map(|dy| (dx, dy)));
    MASKS.iter().any(|points| {
        let points = points.iter().map(|(x, y)| Point::new(*x, *y));
        let mask = Polygon::new(points.collect()).unwrap();
        (around.iter().flatten())
            .any(|(dx, dy)| mask.contains(Point::new(at(x, *dx, width), at(y, *dy, height))))
    })
}

/// How many of the cells wholly inside a box, apart from masks, `kept` boxes and lines that are drawn, are not of one colour;
/// and how many there are.
fn textured(rgb: &RgbImage, bounds: &Corners, kept: &[Corners]) -> (usize, usize) {
    let (width, height) = rgb.dimensions();
    let cell = ((width as f32 * CELL).ceil() as u32).max(4);
    let near = |x: u32, y: u32| {
        let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
        kept.iter().any(|k| {
            let (w, h) = ((k[2] - k[0]) * 0.4 + 0.02, (k[3] - k[1]) * 0.25 + 0.02);
            x > k[0] - w && x < k[2] + w && y > k[1] - h && y < k[3] + h
        })
    };
    let drawn = |[r, g, b]: [u8; 3]| r > 150 && g > 100 && i16::from(b) < i16::from(r) - 80;
    let first = |share: f32, length: u32| ((share * length as f32) as u32).div_ceil(cell);
    let last = |share: f32, length: u32| (share * length as f32) as u32 / cell;
    let (mut rough, mut all) = (0, 0);
    for row in first(bounds[1], height)..last(bounds[3], height) {
        for column in first(bounds[0], width)..last(bounds[2], width) {
            let pixels =
                (0..cell * cell).map(|i| (column * cell + i % cell, row * cell + i / cell));
            let pixels: Vec<(u32, u32)> = pixels.collect();
            let left_out = |(x, y): &(u32, u32)| {
                near(*x, *y)
                    || drawn(rgb.get_pixel(*x, *y).0)
                    || is_masked((*x, *y), (width, height))
            };
            if pixels.iter().any(left_out) {
                continue;
            }
            let values = pixels.iter().map(|(x, y)| luma(rgb.get_pixel(*x, *y).0));
            let values: Vec<f32> = values.collect();
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            let off = values.iter().map(|v| (v - mean).abs()).sum::<f32>() / values.len() as f32;
            all += 1;
            rough += usize::from(off > FLAT);
        }
    }
    (rough, all)
}

/// The frame as the camera gave it, grey, at another size.
fn bare(shot: &scene::Shot, (width, height): (u32, u32)) -> RgbImage {
    let size = shot.frame.size;
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x * size.width / width, y * size.height / height);
        let code = f32::from(shot.frame.data[(y * size.width + x) as usize]);
        let grey = ((code - 16.0) * 255.0 / 219.0).clamp(0.0, 255.0) as u8;
        image::Rgb([grey; 3])
    })
}
