//! Building a street: what stands on it, lit by its lamps and seen through its air.

use tiny_skia::{FillRule, Mask, Paint, Pixmap, Transform};

use super::order::{Item, far_to_near};
use super::wet::Contact;
use crate::draw::{Sketch, Sprite, View, house, shadow_path, street};
use crate::lamps::{Lamp, Lamplight};
use crate::light::{Light, Rgb};
use crate::space::{Camera, V2, V3, v2, v3};
use crate::world::{Standing, World, rectangle};

/// Something that stands in the street for good.
pub(super) struct Upright {
    pub(super) sprite: Sprite,
    pub(super) footprint: [V2; 4],
    pub(super) contact: Contact,
    /// It and its number in the world, where wind moves it.
    pub(super) moves: Option<(Standing, usize)>,
}

/// All that stands in `world`, the farthest first; `windy` says whether trees and flags move.
pub(super) fn uprights(
    world: &World,
    view: &View,
    lamps: &[Lamp],
    seed: u64,
    windy: bool,
) -> Vec<Upright> {
    let maker = Maker { view, lamps };
    let mut out = Vec::new();
    for (i, b) in world.buildings.iter().enumerate() {
        let footprint = rectangle(b.at, b.size, b.turn_deg.to_radians());
        out.extend(maker.make(footprint, Contact::Edge, &|s| {
            house::building(b, seed ^ (i as u64 + 1), s)
        }));
    }
    for (i, thing) in world.standing.iter().enumerate() {
        let moves = (windy && thing.sways()).then_some((*thing, i));
        let made = maker.make(street::spot(thing), Contact::Spot, &|s| {
            street::standing(thing, i, seed, s)
        });
        out.extend(made.map(|upright| roomy(Upright { moves, ..upright })));
    }
    for fence in &world.fences {
        let along = fence.to - fence.from;
        let turn = along.y.atan2(along.x);
        let middle = (fence.from + fence.to) * 0.5;
        let footprint = rectangle(middle, v2(along.length(), 0.12), turn);
        out.extend(maker.make(footprint, Contact::Edge, &|s| street::fence(fence, s)));
    }
    order(out, view)
}

/// With room to sway in its outline, where wind moves it.
fn roomy(mut upright: Upright) -> Upright {
    let whole = &mut upright.sprite.whole;
    if upright.moves.is_some() {
        let sway = 0.3 * (whole.bottom - whole.top);
        whole.left -= sway;
        whole.right += sway;
    }
    upright
}

fn order(uprights: Vec<Upright>, view: &View) -> Vec<Upright> {
    let item = |upright: Upright| {
        let middle = (upright.footprint[0] + upright.footprint[2]) * 0.5;
        Item {
            footprint: upright.footprint,
            depth: view.camera.depth(middle.up(0.0)),
            bounds: upright.sprite.whole,
            what: upright,
        }
    };
    let items = uprights.into_iter().map(item).collect();
    let sorted = far_to_near(items, view.camera.eye().ground());
    sorted.into_iter().map(|item| item.what).collect()
}

/// Makes sprites of what stands: painted in clear white light first, then each pixel lit and veiled where it stands.
struct Maker<'a> {
    view: &'a View,
    lamps: &'a [Lamp],
}

/// Skylight under which things are painted before lamplight is laid over them.
const PLAIN: f32 = 0.84;

impl Maker<'_> {
    fn make(
        &self,
        footprint: [V2; 4],
        contact: Contact,
        draw: &dyn Fn(&mut Sketch<'_>),
    ) -> Option<Upright> {
        let lit = self.view.light;
        let clear = Light {
            haze_m: f32::INFINITY,
            ..lit
        };
        let light = if lit.lamps > 0.0 {
            Light {
                direct: 0.1,
                ambient: PLAIN,
                tint: Rgb(1.0, 1.0, 1.0),
                ..clear
            }
        } else {
            clear
        };
        let view = View {
            light,
            ..*self.view
        };
        let mut sketch = Sketch::new(&view);
        draw(&mut sketch);
        let mut sprite = sketch.sprite()?;
        let shining = sketch.shining(&sprite);
        self.finish(&mut sprite, shining.as_deref(), &footprint);
        Some(Upright {
            sprite,
            footprint,
            contact,
            moves: None,
        })
    }

    /// Lays lamplight and air over a sprite.
    fn finish(&self, sprite: &mut Sprite, shining: Option<&[u8]>, footprint: &[V2; 4]) {
        let light = &self.view.light;
        let night = light.lamps > 0.0;
        let own = light
            .tint
            .scale((light.ambient + 0.5 * light.direct) / PLAIN);
        let width = sprite.pixmap.width() as usize;
        let (left, top) = (sprite.left as f32 + 0.5, sprite.top as f32 + 0.5);
        for (i, pixel) in sprite.pixmap.data_mut().chunks_exact_mut(4).enumerate() {
            if pixel[3] == 0 {
                continue;
            }
            let at = v2(left + (i % width) as f32, top + (i / width) as f32);
            let (place, normal) = place(&self.view.camera, at, footprint);
            let alpha = f32::from(pixel[3]) / 255.0;
            let colour = Rgb(
                f32::from(pixel[0]),
                f32::from(pixel[1]),
                f32::from(pixel[2]),
            );
            let mut colour = colour.scale(1.0 / 255.0 / alpha);
            if night {
                let lamps = facing(Lamplight::at(place, self.lamps, &[]), normal);
                let gain = own.plus(lamps.scale(1.0 / PLAIN));
                let shines = shining.map_or(0.0, |s| f32::from(s[i]) / 255.0);
                colour = colour.times(gain.mix(Rgb(1.0, 1.0, 1.0), shines));
            }
            let distance = self.view.camera.depth(place).max(0.0);
            let [r, g, b] = light.through_air(colour, distance).scale(alpha).bytes();
            let most = pixel[3];
            pixel[..3].copy_from_slice(&[r.min(most), g.min(most), b.min(most)]);
        }
    }
}

/// Lamplight on a wall with `normal`, or on something round.
fn facing(light: Lamplight, normal: Option<V3>) -> Rgb {
    let k = normal.map_or(0.7, |n| 0.12 + 0.95 * n.dot(light.towards).max(0.0));
    light.colour.scale(k)
}

/// Where the thing on `footprint` is at picture point `p`, and which way its wall faces there.
fn place(camera: &Camera, p: V2, footprint: &[V2; 4]) -> (V3, Option<V3>) {
    let (eye, ray) = (camera.eye(), camera.ray(p));
    let (from, along) = (eye.ground(), ray.ground());
    let mut hit: Option<(f32, V3)> = None;
    for i in 0..4 {
        let (a, b) = (footprint[i], footprint[(i + 1) % 4]);
        let edge = b - a;
        let det = along.cross(edge);
        if det.abs() < 1e-6 {
            continue;
        }
        let t = (a - from).cross(edge) / det;
        let s = (a - from).cross(along) / det;
        if t > 0.0 && (-0.01..=1.01).contains(&s) && hit.is_none_or(|(best, _)| t < best) {
            let normal = edge.unit().left() * -1.0;
            hit = Some((t, v3(normal.x, normal.y, 0.0)));
        }
    }
    let wide = (footprint[0] - footprint[2]).length() > 1.5;
    match hit {
        Some((t, normal)) => (eye + ray * t, wide.then_some(normal)),
        None => {
            let middle = (footprint[0] + footprint[2]) * 0.5 - from;
            let t = middle.dot(middle) / along.dot(middle).max(0.05 * middle.length());
            (eye + ray * t, None)
        }
    }
}

/// Darkens the ground under the shadow of `hulls`.
pub(super) fn darken(
    view: &View,
    hulls: &[Vec<(V3, f32)>],
    opacity: f32,
    ground: &Mask,
    onto: &mut Pixmap,
) {
    let Some(path) = shadow_path(view, hulls) else {
        return;
    };
    let mut paint = Paint {
        anti_alias: true,
        ..Paint::default()
    };
    paint.set_color_rgba8(10, 14, 24, (opacity * 255.0) as u8);
    onto.fill_path(
        &path,
        &paint,
        FillRule::Winding,
        Transform::identity(),
        Some(ground),
    );
}

/// Draws the shadows of what stands still.
pub(super) fn still_shadows(
    world: &World,
    view: &View,
    ground: &Mask,
    windy: bool,
    onto: &mut Pixmap,
) {
    let opacity = view.light.shadow;
    if opacity <= 0.0 {
        return;
    }
    for thing in world.standing.iter().filter(|t| !(windy && t.sways())) {
        let hulls = street::standing_hulls(thing, V2::default());
        darken(view, &hulls, opacity, ground, onto);
    }
    for b in &world.buildings {
        let corners = rectangle(b.at, b.size, b.turn_deg.to_radians());
        let hull = corners
            .iter()
            .flat_map(|c| [(c.up(0.0), 0.0), (c.up(b.height), 0.0)])
            .collect();
        darken(view, &[hull], opacity, ground, onto);
    }
}
