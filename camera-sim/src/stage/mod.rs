//! A street under a camera, ready to take actors: paints each picture and says exactly what shows in it.
//!
//! The street is painted once. A picture copies it, bends its trees, lays shadows, light and mirror images on the
//! ground and then draws actors and fires from the farthest to the nearest, with the trees, posts and houses that hide
//! parts of them in between. A picture follows from the stage, the time and the actors alone.

mod build;
mod clouds;
mod order;
mod pixels;
mod shine;
mod wet;

use std::borrow::Cow;

use tiny_skia::{Mask, Pixmap};

use crate::actor::{Class, Part, Posed};
use crate::draw::glow::Falloff;
use crate::draw::{Bounds, Sketch, Sprite, View, ground, street};
use crate::fire::Fire;
use crate::lamps::{self, Lamp, Lamplight};
use crate::light::Light;
use crate::space::{Camera, Mount, Size, V2, V3};
use crate::weather::{Weather, Wind};
use crate::world::{Fixture, World};
use build::{Upright, darken};
use clouds::Clouds;
use order::{Item, far_to_near};
use pixels::{Eyes, NOBODY};
use shine::Shine;
use wet::Contact;

/// One object in one picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    pub class: Class,
    /// Index of its actor in the slice that was drawn; fires count on after the actors.
    pub actor: usize,
    /// Tight around the whole object, hidden parts too, cut to the picture; pixels.
    pub bounds: Bounds,
    /// Part of the object that can be seen: not hidden by others, by fog or by darkness, not outside the picture; 0..1.
    pub visibility: f32,
}

/// One painted picture, RGBA, opaque, without the camera's own faults.
pub struct Picture {
    pub pixmap: Pixmap,
    pub seen: Vec<Seen>,
}

/// The light and weather over a street.
#[derive(Clone, Copy, Debug)]
pub struct Sky {
    /// As the weather leaves it.
    pub light: Light,
    pub weather: Weather,
}

/// What is on a street at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// Seconds: moves clouds, trees, flags, flames.
    pub time: f32,
    pub actors: &'a [Posed],
    pub fires: &'a [Fire],
}

/// A street as one camera sees it.
pub struct Stage {
    view: View,
    wind: Wind,
    seed: u64,
    /// The street without what moves in wind.
    backdrop: Pixmap,
    /// Lets shadows and light fall on the ground only.
    ground: Mask,
    /// The ground's own colours, where lamps burn.
    bare: Option<Pixmap>,
    /// How well each pixel mirrors, 0..255, where it is wet.
    wet: Option<Vec<u8>>,
    clouds: Option<Clouds>,
    uprights: Vec<Upright>,
    lamps: Vec<Lamp>,
    /// Which of the lamps nothing hides.
    open: Vec<bool>,
    falloff: Falloff,
}

/// The street at one moment, before anybody is in it.
struct Scenery<'s> {
    picture: Cow<'s, Pixmap>,
    /// Uprights that wind has bent, by their index.
    bent: Vec<Option<Sprite>>,
}

enum What {
    /// Range of sprites in the list of objects.
    Objects(std::ops::Range<usize>),
    Upright(usize),
}

impl Stage {
    /// Paints `world` as the camera at `mount` sees it; `seed` decides textures, windows and leaves.
    pub fn new(world: &World, mount: &Mount, sky: &Sky, size: Size, seed: u64) -> Self {
        let view = View {
            camera: Camera::new(mount, size),
            light: sky.light,
        };
        let wind = Wind::new(sky.weather.wind, seed);
        let windy = wind.strength > 0.0;
        let lamps = lamps::street_lamps(world, view.light.lamps, seed);
        let ground = ground::paint(world, &view, &sky.weather, &lamps, seed as u32);
        let mut backdrop = ground.picture;
        let mut mask = Mask::new(size.width, size.height).expect("a checked size is never nought");
        for (m, g) in mask.data_mut().iter_mut().zip(ground.is_ground) {
            *m = if g { 255 } else { 0 };
        }
        build::still_shadows(world, &view, &mask, windy, &mut backdrop);
        let uprights = build::uprights(world, &view, &lamps, seed, windy);
        let open = open_lamps(&lamps, &uprights, &view);
        let mut wet = ground.wet;
        for upright in uprights.iter().filter(|u| u.moves.is_none()) {
            pixels::lay(&upright.sprite, &mut backdrop);
            pixels::covered(&upright.sprite, size.width, |i| {
                mask.data_mut()[i] = 0;
                if let Some(wet) = &mut wet {
                    wet[i] = 0;
                }
            });
        }
        if let Some(wet) = &wet {
            for upright in &uprights {
                wet::mirror(&upright.sprite, upright.contact, wet, &mut backdrop);
            }
        }
        let clouds = (view.light.clouds > 0.0).then(|| {
            let light = Light {
                clouds: 0.0,
                ..view.light.shaded(1.0)
            };
            let shaded = Self::new(world, mount, &Sky { light, ..*sky }, size, seed);
            Clouds::new(
                shaded.backdrop,
                &view.camera,
                view.light.clouds,
                &wind,
                seed,
            )
        });
        Self {
            view,
            wind,
            seed,
            backdrop,
            ground: mask,
            bare: ground.bare,
            wet,
            clouds,
            uprights,
            lamps,
            open,
            falloff: Falloff::default(),
        }
    }

    pub fn view(&self) -> &View {
        &self.view
    }

    /// Paints the street with what is on it.
    pub fn draw(&self, moment: &Moment<'_>) -> Picture {
        let scenery = self.scenery(moment.time);
        let mut pixmap = scenery.picture.as_ref().clone();
        let shine = Shine::new(&self.view, &self.lamps, &self.open, moment);
        let views: Vec<View> = moment
            .actors
            .iter()
            .map(|a| self.view_of(a, &shine, moment.time))
            .collect();
        for (actor, view) in moment.actors.iter().zip(&views) {
            self.shadow(actor, view, &mut pixmap);
        }
        if let Some(bare) = &self.bare {
            shine.throw(&self.view.camera, bare, &self.ground, &mut pixmap);
        }
        let (parts, mut items) = self.objects(moment, &views);
        if let Some(wet) = &self.wet {
            for (actor, part) in &parts {
                let wheels = moment
                    .actors
                    .get(*actor)
                    .is_some_and(|a| a.kind.is_vehicle());
                let contact = if wheels { Contact::Edge } else { Contact::Spot };
                wet::mirror(&part.sprite, contact, wet, &mut pixmap);
            }
            shine.streaks(&self.view.camera, wet, &self.falloff, &mut pixmap);
        }
        items.extend(self.hiding(&items));
        let mut owners = vec![NOBODY; pixmap.pixels().len()];
        for item in far_to_near(items, self.view.camera.eye().ground()) {
            match item.what {
                What::Objects(range) => range.for_each(|p| {
                    pixels::put(&parts[p].1.sprite, p as u16 + 1, &mut pixmap, &mut owners)
                }),
                What::Upright(i) => {
                    let near = &item.bounds;
                    let sprite = scenery.bent[i].as_ref().unwrap_or(&self.uprights[i].sprite);
                    pixels::put_back(sprite, near, &scenery.picture, &mut pixmap, &mut owners);
                }
            }
        }
        let owner_of = |owner: u16| {
            parts
                .get((owner as usize).wrapping_sub(1))
                .map(|(actor, _)| *actor)
        };
        let eyes = Eyes {
            clean: &scenery.picture,
            picture: &pixmap,
            owners: &owners,
        };
        let seen = seen(&parts, &eyes);
        shine.glows(&owners, &owner_of, &self.falloff, &mut pixmap);
        Picture { pixmap, seen }
    }

    /// The street at `time` with its clouds and what wind has bent.
    fn scenery(&self, time: f32) -> Scenery<'_> {
        let mut picture = match &self.clouds {
            Some(clouds) => Cow::Owned(clouds.over(&self.backdrop, time)),
            None => Cow::Borrowed(&self.backdrop),
        };
        let still = picture.clone();
        let mut bent: Vec<Option<Sprite>> = Vec::with_capacity(self.uprights.len());
        for upright in &self.uprights {
            if let Some((thing, _)) = &upright.moves {
                let shadow = self.view.light.shadow * (1.0 - self.cloud(thing.at, time));
                if shadow > 0.0 {
                    let bend = self.bend(upright, time);
                    let hulls = street::standing_hulls(thing, self.wind.towards * bend);
                    darken(&self.view, &hulls, shadow, &self.ground, picture.to_mut());
                }
            }
        }
        let mut moved: Vec<Bounds> = Vec::new();
        for upright in &self.uprights {
            let sprite = self.bent(upright, time);
            if let Some(sprite) = &sprite {
                pixels::lay(sprite, picture.to_mut());
                moved.push(sprite.whole);
            } else if let Some(near) = common(&upright.sprite.whole, moved.iter().copied()) {
                pixels::restore(&upright.sprite, &near, &still, picture.to_mut());
            }
            bent.push(sprite);
        }
        Scenery { picture, bent }
    }

    /// How far the top of a moving upright is bent, metres along the wind.
    fn bend(&self, upright: &Upright, time: f32) -> f32 {
        upright.moves.as_ref().map_or(0.0, |(thing, index)| {
            self.wind
                .bend(thing.tall(), time, self.seed ^ *index as u64)
        })
    }

    /// A moving upright at `time`, or nothing for one that stands still.
    fn bent(&self, upright: &Upright, time: f32) -> Option<Sprite> {
        let (thing, index) = upright.moves.as_ref()?;
        if thing.kind == Fixture::Flag {
            let lamplight = Lamplight::at(thing.at.up(0.6 * thing.tall()), &self.lamps, &[]);
            let view = View {
                light: self.view.light.with_lamps(&lamplight),
                ..self.view
            };
            let mut sketch = Sketch::new(&view);
            street::flag(thing, &self.wind, time, *index, &mut sketch);
            return sketch.sprite();
        }
        let camera = &self.view.camera;
        let bend = self.wind.towards * self.bend(upright, time);
        let top = thing.at.up(thing.tall());
        let foot = camera.project(thing.at.up(0.0))?;
        let push = camera.project(top + bend.up(0.0))?.x - camera.project(top)?.x;
        let tone = 1.0 - 0.4 * self.cloud(thing.at, time);
        let rows = (upright.sprite.whole.top, foot.y);
        pixels::bent(&upright.sprite, rows, push, tone, camera.size())
    }

    /// How deep `p` lies in the shade of a cloud, 0..1.
    fn cloud(&self, p: V2, time: f32) -> f32 {
        self.clouds.as_ref().map_or(0.0, |c| c.shade(p, time))
    }

    /// The camera's view under the light that falls on `actor`.
    fn view_of(&self, actor: &Posed, shine: &Shine, time: f32) -> View {
        let mut light = self.view.light.shaded(self.cloud(actor.pose.at, time));
        if light.lamps > 0.0 {
            light = light.with_lamps(&shine.at(actor.pose.at.up(1.0)));
        }
        // Who has not moved is parked, its lamps are off.
        light.headlights &= actor.pose.travelled > 0.0;
        View { light, ..self.view }
    }

    /// Sprites of all objects with the index of their actor, and what to draw.
    fn objects(
        &self,
        moment: &Moment<'_>,
        views: &[View],
    ) -> (Vec<(usize, Part)>, Vec<Item<What>>) {
        let (mut parts, mut items) = (Vec::new(), Vec::new());
        let mut add = |index: usize, footprint: [V2; 4], made: Vec<Part>| {
            let from = parts.len();
            let bounds = made
                .iter()
                .map(|p| p.sprite.whole)
                .reduce(|a, b| a.join(&b));
            parts.extend(made.into_iter().map(|part| (index, part)));
            let what = What::Objects(from..parts.len());
            items.extend(bounds.map(|bounds| self.item(footprint, bounds, what)));
        };
        for (i, (actor, view)) in moment.actors.iter().zip(views).enumerate() {
            add(i, actor.footprint(), actor.parts(view));
        }
        for (i, fire) in moment.fires.iter().enumerate() {
            let parts = fire.parts(&self.view, &self.wind, moment.time);
            add(moment.actors.len() + i, fire.footprint(), parts);
        }
        (parts, items)
    }

    /// The uprights that may hide some of `items`, with the part of the picture in which they do.
    fn hiding(&self, items: &[Item<What>]) -> Vec<Item<What>> {
        let near = |u: &Upright| common(&u.sprite.whole, items.iter().map(|i| i.bounds));
        let found = self.uprights.iter().enumerate();
        found
            .filter_map(|(i, u)| Some(self.item(u.footprint, near(u)?, What::Upright(i))))
            .collect()
    }

    fn item(&self, footprint: [V2; 4], bounds: Bounds, what: What) -> Item<What> {
        let middle = (footprint[0] + footprint[2]) * 0.5;
        Item {
            footprint,
            depth: self.view.camera.depth(middle.up(0.0)),
            bounds,
            what,
        }
    }

    /// The dark where it stands and, under sun or lamp, the shadow it throws; air veils both.
    fn shadow(&self, actor: &Posed, view: &View, onto: &mut Pixmap) {
        let half = actor.half_extent();
        let front = V2::from_angle(actor.pose.heading);
        let depth = view.camera.depth(actor.pose.at.up(0.0)).max(0.0);
        let clear = 1.0 - view.light.air(depth);
        for (grow, opacity) in [(1.5, 0.10), (1.25, 0.14), (1.0, 0.18)] {
            let rim = |i: usize| {
                let a = V2::from_angle(i as f32 / 14.0 * std::f32::consts::TAU);
                let at = actor.pose.at
                    + front * (a.x * half.x * grow)
                    + front.left() * (a.y * half.y * grow);
                (at.up(0.0), 0.0)
            };
            let pool: Vec<(V3, f32)> = (0..14).map(rim).collect();
            darken(view, &[pool], opacity * clear, &self.ground, onto);
        }
        if view.light.shadow > 0.02 {
            let opacity = view.light.shadow * clear;
            darken(view, &actor.hulls(), opacity, &self.ground, onto);
        }
    }
}

/// The part of `whole` that surely holds all of `others` that meet it; nothing where none does.
fn common(whole: &Bounds, others: impl Iterator<Item = Bounds>) -> Option<Bounds> {
    let met = others
        .filter(|o| o.meets(whole))
        .reduce(|a, b| a.join(&b))?;
    Some(Bounds {
        left: met.left.max(whole.left),
        top: met.top.max(whole.top),
        right: met.right.min(whole.right),
        bottom: met.bottom.min(whole.bottom),
    })
}

/// Which lamps' heads no nearer upright hides.
fn open_lamps(lamps: &[Lamp], uprights: &[Upright], view: &View) -> Vec<bool> {
    let size = view.camera.size();
    let hidden = |lamp: &Lamp| {
        let Some(at) = view.camera.project(lamp.head) else {
            return true;
        };
        if at.x < 0.0 || at.y < 0.0 || at.x >= size.width as f32 || at.y >= size.height as f32 {
            return false;
        }
        let depth = view.camera.depth(lamp.head) - 2.0;
        uprights.iter().any(|u| {
            let middle = (u.footprint[0] + u.footprint[2]) * 0.5;
            view.camera.depth(middle.up(0.0)) < depth && pixels::solid_at(&u.sprite, at)
        })
    };
    lamps.iter().map(|lamp| !hidden(lamp)).collect()
}

/// What of each object shows.
fn seen(parts: &[(usize, Part)], eyes: &Eyes<'_>) -> Vec<Seen> {
    let of = |(actor, part): &(usize, Part)| {
        // A rider does not hide the machine under it, nor the machine its rider.
        let own = |owner: u16| {
            owner != NOBODY
                && parts
                    .get(owner as usize - 1)
                    .is_some_and(|(a, _)| a == actor)
        };
        Some(Seen {
            class: part.class?,
            actor: *actor,
            bounds: part.sprite.shown,
            visibility: eyes.visibility(&part.sprite, own),
        })
    };
    parts.iter().filter_map(of).collect()
}
