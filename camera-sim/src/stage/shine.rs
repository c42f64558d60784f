//! Everything that shines in a moment: street lamps, headlights, fires; their pools on the ground and their glow.

use tiny_skia::{Mask, Pixmap};

use super::Moment;
use super::pixels::{NOBODY, STREET};
use super::wet;
use crate::actor::{Look, Posed};
use crate::draw::View;
use crate::draw::glow::{Falloff, Glow};
use crate::draw::vehicle::{self, Lights};
use crate::lamps::{Beam, Lamp, Lamplight};
use crate::light::Rgb;
use crate::space::{Camera, V2, V3, v2};

/// Two headlights nearer together than this many pixels glow as one.
const SPLIT_PX: f32 = 2.5;

/// One point of light.
struct Point {
    head: V3,
    glow: Glow,
    /// Index of its actor, or nothing for a street lamp.
    actor: Option<usize>,
}

/// What shines in one moment.
pub(super) struct Shine {
    lamps: Vec<Lamp>,
    /// How many of `lamps`, the first ones, belong to the street and are in its picture already.
    fixed: usize,
    beams: Vec<Beam>,
    points: Vec<Point>,
}

/// The lamps of an actor that drives with its lights on.
fn lights(actor: &Posed) -> Option<Lights> {
    let (at, heading) = (actor.pose.at, actor.pose.heading);
    // Who has not moved is parked.
    if actor.pose.travelled <= 0.0 {
        return None;
    }
    match &actor.look {
        Look::Vehicle(look) => Some(vehicle::lights(look, at, heading, actor.pose.bend)),
        Look::Rider(..) => {
            let front = V2::from_angle(heading);
            let (nose, tail) = ((at + front * 0.75).up(0.85), (at - front * 0.8).up(0.65));
            Some(Lights {
                heads: [nose; 2],
                tails: [tail; 2],
                front,
                braking: false,
            })
        }
        _ => None,
    }
}

impl Shine {
    /// What shines at `moment`, with the street's own `lamps` (those that can be seen first come in `open`).
    pub(super) fn new(view: &View, street: &[Lamp], open: &[bool], moment: &Moment<'_>) -> Self {
        let mut shine = Self {
            lamps: street.to_vec(),
            fixed: street.len(),
            beams: Vec::new(),
            points: Vec::new(),
        };
        for (lamp, _) in street.iter().zip(open).filter(|(_, open)| **open) {
            let colour = lamp.colour.scale(0.85 * view.light.lamps);
            shine.point(view, lamp.head, 1.1, colour, None);
        }
        if view.light.headlights {
            for (i, actor) in moment.actors.iter().enumerate() {
                if let Some(lights) = lights(actor) {
                    shine.vehicle(view, i, actor, &lights);
                }
            }
        }
        for fire in moment.fires {
            let Some(lamp) = fire.lamp(moment.time) else {
                continue;
            };
            let bright = 0.10 + 0.4 * view.light.lamps;
            shine.point(
                view,
                lamp.head,
                2.6 * fire.size,
                lamp.colour.scale(bright * lamp.power),
                None,
            );
            shine.lamps.push(lamp);
        }
        shine
    }

    fn vehicle(&mut self, view: &View, index: usize, actor: &Posed, lights: &Lights) {
        let night = view.light.lamps;
        let half = actor.half_extent();
        let weak = if half.y < 0.5 { 0.4 } else { 1.0 };
        if night > 0.0 {
            self.beams.push(Beam {
                from: actor.pose.at + lights.front * (half.x + 0.1),
                front: lights.front,
                power: 0.85 * night * weak,
            });
        }
        let toward = (view.camera.eye().ground() - actor.pose.at).unit();
        let facing = lights.front.dot(toward);
        let bright = 0.35 + 0.65 * night;
        let (ends, reach, colour) = if facing > 0.0 {
            let k = weak * bright * (0.25 + 0.75 * facing * facing);
            (
                lights.heads,
                0.5 + 1.5 * facing * facing,
                Beam::COLOUR.scale(k),
            )
        } else {
            let k = if lights.braking { 0.8 } else { 0.5 };
            (lights.tails, 0.55, Rgb(1.0, 0.12, 0.07).scale(k * bright))
        };
        let apart = |e: [V3; 2]| match (view.camera.project(e[0]), view.camera.project(e[1])) {
            (Some(a), Some(b)) => (a - b).length(),
            _ => 0.0,
        };
        if apart(ends) < SPLIT_PX {
            self.point(view, ends[0].mix(ends[1], 0.5), reach, colour, Some(index));
        } else {
            for head in ends {
                self.point(view, head, reach, colour, Some(index));
            }
        }
    }

    /// A glow of `reach` metres; thick air spreads it.
    fn point(&mut self, view: &View, head: V3, reach: f32, colour: Rgb, actor: Option<usize>) {
        let Some(at) = view.camera.project(head) else {
            return;
        };
        let depth = view.camera.depth(head);
        let air = view.light.air(depth);
        let spread = 1.0 + 2.0 * air;
        let radius = (reach * spread * view.camera.scale(depth)).clamp(2.5, 170.0);
        let colour = colour.scale(1.0 - 0.75 * air);
        let glow = Glow { at, radius, colour };
        self.points.push(Point { head, glow, actor });
    }

    /// Lamplight at `p`.
    pub(super) fn at(&self, p: V3) -> Lamplight {
        Lamplight::at(p, &self.lamps, &self.beams)
    }

    /// Lays what moving lamps and fires throw on the ground; `bare` has the ground's own colours.
    pub(super) fn throw(&self, camera: &Camera, bare: &Pixmap, ground: &Mask, onto: &mut Pixmap) {
        for beam in &self.beams {
            let strength = |p: V2| beam.strength(p);
            pool(
                camera,
                &beam.reach(),
                Beam::COLOUR,
                strength,
                bare,
                ground,
                onto,
            );
        }
        for lamp in &self.lamps[self.fixed..] {
            let (at, r) = (lamp.head.ground(), 5.0 * lamp.head.z);
            let corner = |x: f32, y: f32| (at + v2(x * r, y * r)).up(0.0);
            let square = [
                corner(-1.0, -1.0),
                corner(1.0, -1.0),
                corner(1.0, 1.0),
                corner(-1.0, 1.0),
            ];
            let strength = |p: V2| lamp.strength(p.up(0.0));
            pool(camera, &square, lamp.colour, strength, bare, ground, onto);
        }
    }

    /// Draws the streaks of all lamps on wet ground.
    pub(super) fn streaks(
        &self,
        camera: &Camera,
        wet: &[u8],
        falloff: &Falloff,
        onto: &mut Pixmap,
    ) {
        for point in &self.points {
            wet::streak(point.head, &point.glow, camera, wet, falloff, onto);
        }
    }

    /// Draws the glow of every lamp that is not hidden; `owner_of` tells the actor of an owner number.
    pub(super) fn glows(
        &self,
        owners: &[u16],
        owner_of: &dyn Fn(u16) -> Option<usize>,
        falloff: &Falloff,
        onto: &mut Pixmap,
    ) {
        let (w, h) = (onto.width() as f32, onto.height() as f32);
        for point in &self.points {
            let at = point.glow.at;
            let inside = at.x >= 0.0 && at.y >= 0.0 && at.x < w && at.y < h;
            let open = !inside || {
                let owner = owners[at.y as usize * w as usize + at.x as usize];
                match point.actor {
                    None => owner == NOBODY || owner == STREET || owner_of(owner).is_none(),
                    Some(actor) => owner == NOBODY || owner_of(owner) == Some(actor),
                }
            };
            if open {
                falloff.add(&point.glow, onto);
            }
        }
    }
}

/// Adds light of `colour` to the ground inside a convex polygon on it.
fn pool(
    camera: &Camera,
    polygon: &[V3; 4],
    colour: Rgb,
    strength: impl Fn(V2) -> f32,
    bare: &Pixmap,
    ground: &Mask,
    onto: &mut Pixmap,
) {
    let outline = camera.project_polygon(polygon);
    let (w, h) = (onto.width(), onto.height());
    let low = outline.iter().map(|p| p.y).fold(f32::MAX, f32::min);
    let high = outline.iter().map(|p| p.y).fold(f32::MIN, f32::max);
    let rgb = [colour.0, colour.1, colour.2].map(|c| (c * 256.0) as u32);
    for y in low.max(0.0) as u32..(high.ceil().max(0.0) as u32).min(h) {
        let middle = y as f32 + 0.5;
        let (Some((start, step)), Some((from, to))) =
            (camera.ground_row(middle), span(&outline, middle))
        else {
            continue;
        };
        // Light changes little from one pixel to the next: four share it.
        let (from, to) = (from.max(0.0) as u32, (to.ceil().max(0.0) as u32).min(w));
        for x in (from.min(to)..to).step_by(4) {
            let k = (strength(start + step * (x as f32 + 2.0)) * 256.0) as u32;
            if k == 0 {
                continue;
            }
            for i in (y * w + x) as usize..(y * w + (x + 4).min(to)) as usize {
                if ground.data()[i] == 0 {
                    continue;
                }
                let own = &bare.data()[i * 4..i * 4 + 3];
                let pixel = &mut onto.data_mut()[i * 4..i * 4 + 3];
                for ((p, o), c) in pixel.iter_mut().zip(own).zip(rgb) {
                    *p = (u32::from(*p) + ((u32::from(*o) * c * k) >> 16)).min(255) as u8;
                }
            }
        }
    }
}

/// From where to where row `y` runs through a convex polygon.
fn span(outline: &[V2], y: f32) -> Option<(f32, f32)> {
    let mut range: Option<(f32, f32)> = None;
    for (i, a) in outline.iter().enumerate() {
        let b = outline[(i + 1) % outline.len()];
        if (a.y > y) != (b.y > y) {
            let x = a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y);
            range = Some(range.map_or((x, x), |(l, r)| (l.min(x), r.max(x))));
        }
    }
    range
}
