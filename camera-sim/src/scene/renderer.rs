//! Pictures of a scene as its camera gives them: the stage painted, seen through weather and glass, taken by a sensor.

use super::Scene;
use crate::actor::Posed;
use crate::draw::Bounds;
use crate::lens::faults::Kind;
use crate::lens::{Glass, exposure};
use crate::sensor::{Capture, Frame, Sensor};
use crate::space::{Camera, Mount, V2};
use crate::stage::{Moment, Seen, Stage};
use crate::weather::falling::Falling;

/// One picture of a scene as the camera gives it, and what shows in it (`Seen::actor` indexes `Scene::actors`; fires
/// count on after them).
pub struct Shot {
    pub frame: Frame,
    pub seen: Vec<Seen>,
}

/// Paints the pictures of one scene, any of them in any order.
pub struct Renderer<'s> {
    scene: &'s Scene,
    stage: Stage,
    /// What the camera sees while it is turned away, a stage for each such fault.
    turned: Vec<(f32, f32, Stage)>,
    falling: Falling,
    glass: Glass,
    capture: Capture,
}

impl<'s> Renderer<'s> {
    /// Paints the street; takes a good part of a second.
    pub fn new(scene: &'s Scene) -> Self {
        let stage =
            |mount: &Mount| Stage::new(&scene.world, mount, &scene.sky, scene.size, scene.seed);
        let turned = scene.faults.iter().filter(|f| f.kind == Kind::Turned);
        let turned = turned.map(|f| {
            let yaw_deg = scene.mount.yaw_deg + f.turn_deg.unwrap_or(0.0);
            let mount = Mount {
                yaw_deg,
                ..scene.mount
            };
            (f.from_s, f.until_s, stage(&mount))
        });
        let light = &scene.sky.light;
        let sensor = Sensor::default().in_light(light.lamps, scene.lens.noise);
        let bright = 1.0 - light.lamps;
        Self {
            scene,
            stage: stage(&scene.mount),
            turned: turned.collect(),
            falling: Falling::new(&scene.sky.weather, light, scene.size, scene.seed),
            glass: Glass::new(&scene.lens, &scene.faults, scene.size, bright, scene.seed),
            capture: Capture::new(sensor, scene.size.width, scene.seed),
        }
    }

    /// Picture number `index`.
    pub fn render(&self, index: usize) -> Shot {
        let scene = self.scene;
        let frozen = self.glass.frozen(scene.time(index));
        let index = frozen.map_or(index, |t| (t * scene.fps).ceil() as usize);
        let time = scene.time(index);
        let (indices, posed): (Vec<usize>, Vec<Posed>) = scene.posed(time).into_iter().unzip();
        let stage = self.stage_at(time);
        let picture = stage.draw(&Moment {
            time,
            actors: &posed,
            fires: &scene.fires,
        });
        let mut frame = self.capture.expose(&picture.pixmap);
        self.falling.over(&mut frame, index as u64, time);
        self.glass.through(&mut frame, time);
        let moment = scene.seed.wrapping_add(index as u64);
        self.capture.develop(&mut frame, self.gain(time), moment);
        self.glass.compress(&mut frame);
        let actor = |i: usize| {
            let fire = || scene.actors.len() + i - indices.len();
            indices.get(i).copied().unwrap_or_else(fire)
        };
        let shift = self.glass.shift(time);
        let seen = picture.seen.iter().map(|s| Seen {
            actor: actor(s.actor),
            bounds: moved(&s.bounds, shift).clip(scene.size),
            ..*s
        });
        Shot {
            frame,
            seen: seen.filter(|s| s.bounds.area() > 0.0).collect(),
        }
    }

    fn stage_at(&self, time: f32) -> &Stage {
        let lasting = |(from, until, _): &&(f32, f32, Stage)| time >= *from && time < *until;
        self.turned
            .iter()
            .find(lasting)
            .map_or(&self.stage, |(.., stage)| stage)
    }

    fn gain(&self, time: f32) -> f32 {
        exposure::gain(self.scene.lens.hunting, time, &|t| {
            brightness(self.scene, t.max(0.0))
        })
    }
}

fn moved(b: &Bounds, by: V2) -> Bounds {
    Bounds {
        left: b.left + by.x,
        top: b.top + by.y,
        right: b.right + by.x,
        bottom: b.bottom + by.y,
    }
}

/// How much brighter (above nought) or darker actors and fires make the picture at `time`, roughly, parts of full
/// brightness: large things by day, headlights that face the camera at night.
fn brightness(scene: &Scene, time: f32) -> f32 {
    let camera = Camera::new(&scene.mount, scene.size);
    let whole = (scene.size.width * scene.size.height) as f32;
    let share = |at: V2, area_m2: f32| {
        let depth = camera.depth(at.up(1.0));
        let shows = camera.project(at.up(1.0)).is_some_and(|p| {
            (0.0..scene.size.width as f32).contains(&p.x)
                && (0.0..scene.size.height as f32).contains(&p.y)
        });
        if shows {
            area_m2 * camera.scale(depth).powi(2) / whole
        } else {
            0.0
        }
    };
    let night = scene.sky.light.lamps;
    let of = |posed: &Posed| {
        let half = posed.half_extent();
        let part = share(posed.pose.at, 4.0 * half.x * half.y.max(0.3));
        let toward = (camera.eye().ground() - posed.pose.at).unit();
        let facing = V2::from_angle(posed.pose.heading).dot(toward).max(0.0);
        let lights = if posed.kind.is_vehicle() {
            night * facing * facing
        } else {
            0.0
        };
        (part * (4.0 * lights - 0.8 * (1.0 - night))).clamp(-0.3, 0.3)
    };
    let actors: f32 = scene.posed(time).iter().map(|(_, posed)| of(posed)).sum();
    let fires = scene.fires.iter().map(|f| {
        let size = f.size * f.grown(time);
        share(f.at, 2.0 * size * size)
    });
    actors + fires.sum::<f32>()
}
