//! A street under a camera, ready to take actors: paints each picture and says exactly what shows in it.
//!
//! The street is painted once. A picture copies it, lays the actors' shadows on the ground and then draws actors
//! from the farthest to the nearest, with the trees, posts and houses that hide parts of them in between.

use tiny_skia::{FillRule, Mask, Paint, Pixmap, Transform};

use crate::actor::{Class, Posed};
use crate::draw::{Bounds, Sketch, Sprite, View, ground, shadow_path, street};
use crate::light::Light;
use crate::space::{Camera, Mount, Size, V2, V3};
use crate::world::{World, rectangle};

/// A pixel counts as covered from this opacity on (of 255).
const SOLID: u8 = 64;
/// Owner of a pixel that nothing moving covers, and one that a tree or house took back.
const NOBODY: u16 = 0;
const STREET: u16 = u16::MAX;

/// One object in one picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    pub class: Class,
    /// Index of its actor in the slice that was drawn.
    pub actor: usize,
    /// Tight around the whole object, hidden parts too, cut to the picture; pixels.
    pub bounds: Bounds,
    /// Part of the object that can be seen: not hidden by others, not outside the picture; 0..1.
    pub visibility: f32,
}

/// One painted picture, RGBA, opaque, without the camera's own faults.
pub struct Picture {
    pub pixmap: Pixmap,
    pub seen: Vec<Seen>,
}

struct Upright {
    sprite: Sprite,
    footprint: [V2; 4],
}

/// A street as one camera sees it.
pub struct Stage {
    view: View,
    backdrop: Pixmap,
    /// Lets shadows fall on the ground only.
    ground: Mask,
    uprights: Vec<Upright>,
}

/// Something to draw, with the ground it takes.
struct Item {
    footprint: [V2; 4],
    depth: f32,
    bounds: Bounds,
    what: What,
}

enum What {
    /// Range of sprites in the list of objects.
    Actor(std::ops::Range<usize>),
    Upright(usize),
}

impl Stage {
    /// Paints `world` as the camera at `mount` sees it; `seed` decides textures, windows and leaves.
    pub fn new(world: &World, mount: &Mount, light: Light, size: Size, seed: u64) -> Self {
        let view = View {
            camera: Camera::new(mount, size),
            light,
        };
        let (mut backdrop, is_ground) = ground::paint(world, &view, seed as u32);
        let mut mask = Mask::new(size.width, size.height).expect("a checked size is never nought");
        for (m, g) in mask.data_mut().iter_mut().zip(is_ground) {
            *m = if g { 255 } else { 0 };
        }
        static_shadows(world, &view, &mask, &mut backdrop);
        let uprights = order(uprights(world, &view, seed), &view);
        for upright in &uprights {
            lay_sprite(&upright.sprite, &mut backdrop, &mut mask);
        }
        Self {
            view,
            backdrop,
            ground: mask,
            uprights,
        }
    }

    pub fn view(&self) -> &View {
        &self.view
    }

    /// Paints the street with `actors` in it.
    pub fn draw(&self, actors: &[Posed]) -> Picture {
        let mut pixmap = self.backdrop.clone();
        for actor in actors {
            self.shadow(actor, &mut pixmap);
        }
        let mut parts = Vec::new();
        let mut items = Vec::new();
        for (i, actor) in actors.iter().enumerate() {
            let from = parts.len();
            parts.extend(actor.parts(&self.view).into_iter().map(|part| (i, part)));
            let Some(bounds) = parts[from..]
                .iter()
                .map(|(_, p)| p.sprite.whole)
                .reduce(|a, b| a.join(&b))
            else {
                continue;
            };
            items.push(self.item(actor.footprint(), bounds, What::Actor(from..parts.len())));
        }
        let moving = items.len();
        for (i, upright) in self.uprights.iter().enumerate() {
            if items[..moving]
                .iter()
                .any(|m| m.bounds.meets(&upright.sprite.whole))
            {
                items.push(self.item(upright.footprint, upright.sprite.whole, What::Upright(i)));
            }
        }
        let mut owners = vec![NOBODY; pixmap.pixels().len()];
        for item in far_to_near(items, self.view.camera.eye().ground()) {
            match item.what {
                What::Actor(range) => range
                    .for_each(|p| put(&parts[p].1.sprite, p as u16 + 1, &mut pixmap, &mut owners)),
                What::Upright(i) => put_back(&self.uprights[i].sprite, &mut pixmap, &mut owners),
            }
        }
        let size = self.view.camera.size();
        let seen = parts.iter().filter_map(|(actor, part)| {
            let class = part.class?;
            // A rider does not hide the machine under it, nor the machine its rider.
            let own = |owner: u16| {
                owner != NOBODY
                    && parts
                        .get(owner as usize - 1)
                        .is_some_and(|(a, _)| a == actor)
            };
            let visibility = visibility(&part.sprite, &owners, size, own);
            Some(Seen {
                class,
                actor: *actor,
                bounds: part.sprite.shown,
                visibility,
            })
        });
        let seen = seen.collect();
        Picture { pixmap, seen }
    }

    fn item(&self, footprint: [V2; 4], bounds: Bounds, what: What) -> Item {
        let middle = (footprint[0] + footprint[2]) * 0.5;
        Item {
            footprint,
            depth: self.view.camera.depth(middle.up(0.0)),
            bounds,
            what,
        }
    }

    /// The dark where it stands and, under the sun, the shadow it throws.
    fn shadow(&self, actor: &Posed, onto: &mut Pixmap) {
        let half = actor.half_extent();
        let front = V2::from_angle(actor.pose.heading);
        for (grow, opacity) in [(1.5, 0.10), (1.25, 0.14), (1.0, 0.18)] {
            let rim = |i: usize| {
                let a = V2::from_angle(i as f32 / 14.0 * std::f32::consts::TAU);
                let at = actor.pose.at
                    + front * (a.x * half.x * grow)
                    + front.left() * (a.y * half.y * grow);
                (at.up(0.0), 0.0)
            };
            let pool: Vec<(V3, f32)> = (0..14).map(rim).collect();
            darken(&self.view, &[pool], opacity, &self.ground, onto);
        }
        if self.view.light.shadow > 0.0 {
            darken(
                &self.view,
                &actor.hulls(),
                self.view.light.shadow,
                &self.ground,
                onto,
            );
        }
    }
}

fn darken(view: &View, hulls: &[Vec<(V3, f32)>], opacity: f32, ground: &Mask, onto: &mut Pixmap) {
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

fn static_shadows(world: &World, view: &View, ground: &Mask, onto: &mut Pixmap) {
    if view.light.shadow <= 0.0 {
        return;
    }
    for thing in &world.standing {
        darken(
            view,
            &street::standing_hulls(thing),
            view.light.shadow,
            ground,
            onto,
        );
    }
    for b in &world.buildings {
        let corners = rectangle(b.at, b.size, b.turn_deg.to_radians());
        let hull = corners
            .iter()
            .flat_map(|c| [(c.up(0.0), 0.0), (c.up(b.height), 0.0)])
            .collect();
        darken(view, &[hull], view.light.shadow, ground, onto);
    }
}

fn uprights(world: &World, view: &View, seed: u64) -> Vec<Upright> {
    let mut out = Vec::new();
    let mut add = |footprint: [V2; 4], draw: &dyn Fn(&mut Sketch<'_>)| {
        let mut sketch = Sketch::new(view);
        draw(&mut sketch);
        out.extend(sketch.sprite().map(|sprite| Upright { sprite, footprint }));
    };
    for (i, b) in world.buildings.iter().enumerate() {
        add(rectangle(b.at, b.size, b.turn_deg.to_radians()), &|s| {
            street::building(b, seed ^ (i as u64 + 1), s)
        });
    }
    for (i, thing) in world.standing.iter().enumerate() {
        add(street::spot(thing), &|s| {
            street::standing(thing, seed ^ (i as u64 + 1001), s)
        });
    }
    for fence in &world.fences {
        let along = fence.to - fence.from;
        let turn = along.y.atan2(along.x);
        add(
            rectangle(
                (fence.from + fence.to) * 0.5,
                V2 {
                    x: along.length(),
                    y: 0.12,
                },
                turn,
            ),
            &|s| street::fence(fence, s),
        );
    }
    out
}

fn order(uprights: Vec<Upright>, view: &View) -> Vec<Upright> {
    let item = |(i, u): (usize, &Upright)| {
        let middle = (u.footprint[0] + u.footprint[2]) * 0.5;
        Item {
            footprint: u.footprint,
            depth: view.camera.depth(middle.up(0.0)),
            bounds: u.sprite.whole,
            what: What::Upright(i),
        }
    };
    let items: Vec<Item> = uprights.iter().enumerate().map(item).collect();
    let mut slots: Vec<Option<Upright>> = uprights.into_iter().map(Some).collect();
    let sorted = far_to_near(items, view.camera.eye().ground());
    sorted
        .iter()
        .filter_map(|item| {
            if let What::Upright(i) = item.what {
                slots[i].take()
            } else {
                None
            }
        })
        .collect()
}

/// Painter's order: of those left, always the farthest that hides none of the others left.
fn far_to_near(mut items: Vec<Item>, eye: V2) -> Vec<Item> {
    items.sort_by(|a, b| b.depth.total_cmp(&a.depth));
    let mut out = Vec::with_capacity(items.len());
    while !items.is_empty() {
        let free = |i: usize| {
            !items.iter().enumerate().any(|(j, other)| {
                j != i
                    && items[i].bounds.meets(&other.bounds)
                    && before(&items[i].footprint, &other.footprint, eye)
            })
        };
        // A ring of things that hide each other has no right order: take the farthest.
        let next = (0..items.len()).find(|&i| free(i)).unwrap_or(0);
        out.push(items.remove(next));
    }
    out
}

/// Whether convex ground `a` surely lies between `eye` and convex ground `b`: an edge line of one of them has
/// `a` and the eye on one side and `b` on the other.
fn before(a: &[V2; 4], b: &[V2; 4], eye: V2) -> bool {
    let splits = |shape: &[V2; 4], near: &[V2; 4], far: &[V2; 4]| {
        (0..4).any(|i| {
            let (p, q) = (shape[i], shape[(i + 1) % 4]);
            let side = |v: V2| (q - p).cross(v - p);
            let eye_side = side(eye);
            eye_side.abs() > 1e-4
                && near.iter().all(|&v| side(v) * eye_side >= -1e-3)
                && far.iter().all(|&v| side(v) * eye_side <= 1e-3)
        })
    };
    splits(a, a, b) || splits(b, a, b)
}

/// Calls `each` with (index in the sprite, index in the picture) row by row.
fn rows(sprite: &Sprite, picture_width: u32, mut each: impl FnMut(std::ops::Range<usize>, usize)) {
    let (w, h) = (
        sprite.pixmap.width() as usize,
        sprite.pixmap.height() as usize,
    );
    for row in 0..h {
        let at = (sprite.top as usize + row) * picture_width as usize + sprite.left as usize;
        each(row * w..(row + 1) * w, at);
    }
}

/// Source-over of one premultiplied pixel onto an opaque one.
fn over(src: &[u8], dst: &mut [u8]) {
    let keep = 255 - src[3] as u32;
    for c in 0..3 {
        dst[c] = (src[c] as u32 + (dst[c] as u32 * keep + 127) / 255).min(255) as u8;
    }
}

/// Draws a moving thing and makes its solid pixels its own.
fn put(sprite: &Sprite, owner: u16, onto: &mut Pixmap, owners: &mut [u16]) {
    let width = onto.width();
    let (src, dst) = (sprite.pixmap.data(), onto.data_mut());
    rows(sprite, width, |range, at| {
        for (k, i) in range.enumerate() {
            let pixel = &src[i * 4..i * 4 + 4];
            if pixel[3] == 0 {
                continue;
            }
            over(pixel, &mut dst[(at + k) * 4..(at + k) * 4 + 4]);
            if pixel[3] >= SOLID {
                owners[at + k] = owner;
            }
        }
    });
}

/// Draws a part of the street again where something moving was drawn over it.
fn put_back(sprite: &Sprite, onto: &mut Pixmap, owners: &mut [u16]) {
    let width = onto.width();
    let (src, dst) = (sprite.pixmap.data(), onto.data_mut());
    rows(sprite, width, |range, at| {
        for (k, i) in range.enumerate() {
            let pixel = &src[i * 4..i * 4 + 4];
            if pixel[3] == 0 || matches!(owners[at + k], NOBODY | STREET) {
                continue;
            }
            over(pixel, &mut dst[(at + k) * 4..(at + k) * 4 + 4]);
            if pixel[3] >= SOLID {
                owners[at + k] = STREET;
            }
        }
    });
}

/// Bakes a part of the street into the backdrop; no shadow falls on it later.
fn lay_sprite(sprite: &Sprite, backdrop: &mut Pixmap, ground: &mut Mask) {
    let width = backdrop.width();
    let (src, dst, mask) = (sprite.pixmap.data(), backdrop.data_mut(), ground.data_mut());
    rows(sprite, width, |range, at| {
        for (k, i) in range.enumerate() {
            let pixel = &src[i * 4..i * 4 + 4];
            over(pixel, &mut dst[(at + k) * 4..(at + k) * 4 + 4]);
            if pixel[3] >= SOLID {
                mask[at + k] = 0;
            }
        }
    });
}

/// The part of the whole thing that shows, 0..1.
fn visibility(sprite: &Sprite, owners: &[u16], size: Size, own: impl Fn(u16) -> bool) -> f32 {
    let (mut all, mut open) = (0u32, 0u32);
    let data = sprite.pixmap.data();
    rows(sprite, size.width, |range, at| {
        for (k, i) in range.enumerate() {
            if data[i * 4 + 3] >= SOLID {
                all += 1;
                open += u32::from(own(owners[at + k]));
            }
        }
    });
    let inside = (sprite.shown.area() / sprite.whole.area().max(1.0)).min(1.0);
    inside * open as f32 / all.max(1) as f32
}
