//! Drawing solid things: a sketch collects shaded shapes in the picture, then becomes a sprite.
//!
//! Knows the camera and the light, not the scene: no paths through time, no truth, no files.

pub mod bag;
pub mod cycle;
pub mod dog;
pub mod glow;
pub mod ground;
pub mod house;
pub mod person;
pub mod sky;
pub mod street;
pub mod vehicle;
pub mod wheels;

use tiny_skia::{
    Color, FillRule, GradientStop, LinearGradient, Paint, Path, PathBuilder, Pixmap, PixmapMut,
    Point, SpreadMode, Transform,
};

use crate::light::{Light, Rgb};
use crate::space::{Camera, Size, V2, V3, convex_hull, v2, v3};

/// From where and under what light everything in a picture is drawn.
#[derive(Clone, Copy, Debug)]
pub struct View {
    pub camera: Camera,
    pub light: Light,
}

/// The convex hull of some spheres, (middle, radius) in metres: limbs, heads, bags.
#[derive(Clone, Debug)]
pub struct Blob {
    pub spheres: Vec<(V3, f32)>,
    pub colour: Rgb,
}

impl Blob {
    pub fn limb(a: V3, ra: f32, b: V3, rb: f32, colour: Rgb) -> Self {
        Self {
            spheres: vec![(a, ra), (b, rb)],
            colour,
        }
    }

    pub fn ball(middle: V3, radius: f32, colour: Rgb) -> Self {
        Self {
            spheres: vec![(middle, radius)],
            colour,
        }
    }

    fn middle(&self) -> V3 {
        let sum = self.spheres.iter().fold(V3::default(), |s, &(p, _)| s + p);
        sum * (1.0 / self.spheres.len().max(1) as f32)
    }
}

/// A rectangle in the picture, pixels, may reach outside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
}

impl Bounds {
    pub fn area(&self) -> f32 {
        (self.right - self.left).max(0.0) * (self.bottom - self.top).max(0.0)
    }

    pub fn meets(&self, o: &Self) -> bool {
        self.left < o.right && o.left < self.right && self.top < o.bottom && o.top < self.bottom
    }

    pub fn clip(&self, size: Size) -> Self {
        Self {
            left: self.left.clamp(0.0, size.width as f32),
            top: self.top.clamp(0.0, size.height as f32),
            right: self.right.clamp(0.0, size.width as f32),
            bottom: self.bottom.clamp(0.0, size.height as f32),
        }
    }

    /// The smallest rectangle around both.
    pub fn join(&self, o: &Self) -> Self {
        Self {
            left: self.left.min(o.left),
            top: self.top.min(o.top),
            right: self.right.max(o.right),
            bottom: self.bottom.max(o.bottom),
        }
    }

    fn around(mut points: impl Iterator<Item = V2>) -> Option<Self> {
        let first = points.next()?;
        let dot = |p: V2| Self {
            left: p.x,
            top: p.y,
            right: p.x,
            bottom: p.y,
        };
        Some(points.fold(dot(first), |b, p| b.join(&dot(p))))
    }
}

/// Pixels of one thing, cut to the picture.
#[derive(Clone, Debug)]
pub struct Sprite {
    /// Picture position of the pixmap's top left pixel.
    pub left: u32,
    pub top: u32,
    pub pixmap: Pixmap,
    /// Outline of the whole thing, also of what lies outside the picture.
    pub whole: Bounds,
    /// Tight outline of what lies inside.
    pub shown: Bounds,
}

#[derive(Clone, Debug)]
enum Fill {
    Flat(Rgb, f32),
    Across {
        from: V2,
        to: V2,
        lit: Rgb,
        dark: Rgb,
    },
}

/// Shapes of one thing, in drawing order.
pub struct Sketch<'a> {
    view: &'a View,
    /// Convex picture polygons.
    shapes: Vec<Shape>,
}

struct Shape {
    points: Vec<V2>,
    fill: Fill,
    /// Shines by itself.
    shines: bool,
}

impl<'a> Sketch<'a> {
    pub fn new(view: &'a View) -> Self {
        Self {
            view,
            shapes: Vec::new(),
        }
    }

    pub fn view(&self) -> &'a View {
        self.view
    }

    /// A flat face in daylight; seen from behind it is drawn all the same.
    pub fn face(&mut self, corners: &[V3], colour: Rgb, normal: V3) {
        self.glow(corners, self.view.light.shade(colour, normal));
    }

    /// A flat face in exactly this colour (but for the air between): lamps, glass, prepared shades.
    pub fn glow(&mut self, corners: &[V3], colour: Rgb) {
        self.veil(corners, colour, 1.0);
    }

    /// As `glow`, of something that shines by itself: lamplight and darkness do not change it.
    pub fn lamp(&mut self, corners: &[V3], colour: Rgb) {
        let before = self.shapes.len();
        self.glow(corners, colour);
        self.shapes[before..]
            .iter_mut()
            .for_each(|s| s.shines = true);
    }

    /// As `glow`, but letting through what lies behind.
    pub fn veil(&mut self, corners: &[V3], colour: Rgb, opacity: f32) {
        let Some(&first) = corners.first() else {
            return;
        };
        let colour = self
            .view
            .light
            .through_air(colour, self.view.camera.depth(first).max(0.0));
        self.polygon(
            self.view.camera.project_polygon(corners),
            Fill::Flat(colour, opacity),
        );
    }

    /// Blobs, the farthest first.
    pub fn blobs(&mut self, mut blobs: Vec<Blob>) {
        let depth = |b: &Blob| self.view.camera.depth(b.middle());
        blobs.sort_by(|a, b| depth(b).total_cmp(&depth(a)));
        blobs.iter().for_each(|b| self.blob(b));
    }

    /// One blob, rounded by a light and a dark side.
    pub fn blob(&mut self, blob: &Blob) {
        let Some((outline, widest)) = self.outline(blob) else {
            return;
        };
        let (camera, light) = (&self.view.camera, &self.view.light);
        let middle = blob.middle();
        let to_eye = (camera.eye() - middle).unit();
        let side = v3(-to_eye.y, to_eye.x, 0.0).unit();
        let side = if side.dot(light.sun) >= 0.0 {
            side
        } else {
            side * -1.0
        };
        let air = camera.depth(middle).max(0.0);
        let tone =
            |n: V3, k: f32| light.through_air(light.shade(blob.colour, n.unit()).scale(k), air);
        let lit = tone(to_eye + side + v3(0.0, 0.0, 0.4), 1.06);
        let dark = tone(to_eye - side - v3(0.0, 0.0, 0.3), 0.84);
        let Some(at) = camera.project(middle) else {
            return;
        };
        let reach = camera
            .project(middle + side)
            .map_or(v2(1.0, 0.0), |p| (p - at).unit())
            * widest;
        self.polygon(
            outline,
            Fill::Across {
                from: at + reach,
                to: at - reach,
                lit,
                dark,
            },
        );
    }

    /// A thin round bar, `radius` metres.
    pub fn rod(&mut self, a: V3, b: V3, radius: f32, colour: Rgb) {
        self.blob(&Blob::limb(a, radius, b, radius, colour));
    }

    /// Picture outline of a blob and its widest radius in pixels.
    fn outline(&self, blob: &Blob) -> Option<(Vec<V2>, f32)> {
        let camera = &self.view.camera;
        let mut points = Vec::with_capacity(blob.spheres.len() * 16);
        let mut widest = 0.5f32;
        for &(middle, radius) in &blob.spheres {
            let at = camera.project(middle)?;
            let r = radius * camera.scale(camera.depth(middle));
            widest = widest.max(r);
            let corners = if r < 3.0 { 8 } else { 16 };
            points.extend((0..corners).map(|i| {
                at + V2::from_angle(i as f32 / corners as f32 * std::f32::consts::TAU) * r
            }));
        }
        Some((convex_hull(points), widest))
    }

    /// A filled ring or disc in the plane of `u` and `v` (unit vectors): wheels, signs.
    pub fn disc(&mut self, middle: V3, u: V3, v: V3, radius: f32, colour: Rgb) {
        let corner = |i: i32| {
            let a = V2::from_angle(i as f32 / 20.0 * std::f32::consts::TAU) * radius;
            middle + u * a.x + v * a.y
        };
        let corners: Vec<V3> = (0..20).map(corner).collect();
        self.face(&corners, colour, u.cross(v));
    }

    fn polygon(&mut self, points: Vec<V2>, fill: Fill) {
        if points.len() >= 3 {
            self.shapes.push(Shape {
                points,
                fill,
                shines: false,
            });
        }
    }

    /// Outline of the whole thing, also of what lies outside the picture.
    pub fn whole(&self) -> Option<Bounds> {
        Bounds::around(
            self.shapes
                .iter()
                .flat_map(|shape| shape.points.iter().copied()),
        )
    }

    /// Tight outline of the part that lies in the picture, or nothing where none does.
    pub fn shown(&self) -> Option<Bounds> {
        let size = self.view.camera.size();
        let whole = self.whole()?;
        if whole == whole.clip(size) {
            return Some(whole);
        }
        let cut: Vec<V2> = self
            .shapes
            .iter()
            .flat_map(|shape| cut_to(&shape.points, size))
            .collect();
        // Rounding may leave a cut point a hair outside.
        Bounds::around(cut.into_iter())
            .map(|b| b.clip(size))
            .filter(|b| b.area() > 0.0)
    }

    /// The sketch as pixels, or nothing where no part of it lies in the picture.
    pub fn sprite(&self) -> Option<Sprite> {
        let (whole, shown) = (self.whole()?, self.shown()?);
        let (left, top) = (shown.left.floor() as u32, shown.top.floor() as u32);
        let (width, height) = (
            (shown.right.ceil() as u32).saturating_sub(left),
            (shown.bottom.ceil() as u32).saturating_sub(top),
        );
        let mut pixmap = Pixmap::new(width, height)?;
        self.paint(
            &mut pixmap.as_mut(),
            Transform::from_translate(-(left as f32), -(top as f32)),
            &|shape| shape.fill.clone(),
        );
        Some(Sprite {
            left,
            top,
            pixmap,
            whole,
            shown,
        })
    }

    /// How much of each pixel of `sprite` (made from this sketch) shines by itself, 0..255; nothing where none does.
    pub fn shining(&self, sprite: &Sprite) -> Option<Vec<u8>> {
        if !self.shapes.iter().any(|s| s.shines) {
            return None;
        }
        let mut pixmap = Pixmap::new(sprite.pixmap.width(), sprite.pixmap.height())?;
        let at = Transform::from_translate(-(sprite.left as f32), -(sprite.top as f32));
        self.paint(&mut pixmap.as_mut(), at, &|shape| {
            let white = if shape.shines { 1.0 } else { 0.0 };
            Fill::Flat(Rgb(white, white, white), 1.0)
        });
        Some(pixmap.data().chunks_exact(4).map(|p| p[0]).collect())
    }

    fn paint(&self, onto: &mut PixmapMut<'_>, transform: Transform, fill: &dyn Fn(&Shape) -> Fill) {
        for shape in &self.shapes {
            let Some(path) = outline_path(std::iter::once(shape.points.as_slice())) else {
                continue;
            };
            let mut paint = Paint {
                anti_alias: true,
                ..Paint::default()
            };
            match fill(shape) {
                Fill::Flat(colour, opacity) => paint.set_color(skia(colour, opacity)),
                Fill::Across {
                    from,
                    to,
                    lit,
                    dark,
                } => match across(from, to, lit, dark) {
                    Some(shader) => paint.shader = shader,
                    None => paint.set_color(skia(lit.mix(dark, 0.5), 1.0)),
                },
            }
            onto.fill_path(&path, &paint, FillRule::Winding, transform, None);
        }
    }
}

fn across(from: V2, to: V2, lit: Rgb, dark: Rgb) -> Option<tiny_skia::Shader<'static>> {
    LinearGradient::new(
        Point::from_xy(from.x, from.y),
        Point::from_xy(to.x, to.y),
        vec![
            GradientStop::new(0.0, skia(lit, 1.0)),
            GradientStop::new(1.0, skia(dark, 1.0)),
        ],
        SpreadMode::Pad,
        Transform::identity(),
    )
}

/// The shadow that blobs and boxes throw on the ground, as one path: overlaps do not darken twice.
pub fn shadow_path(view: &View, hulls: &[Vec<(V3, f32)>]) -> Option<Path> {
    let sun = view.light.sun;
    let (drop_x, drop_y) = (sun.x / sun.z.max(0.2), sun.y / sun.z.max(0.2));
    let polygons: Vec<Vec<V2>> = hulls
        .iter()
        .filter_map(|spheres| {
            let mut points = Vec::new();
            for &(p, r) in spheres {
                let foot = v2(p.x - drop_x * p.z, p.y - drop_y * p.z);
                let corners = match r {
                    0.0 => 1,
                    _ if r < 0.3 => 6,
                    _ => 14,
                };
                for i in 0..corners {
                    let rim = foot
                        + V2::from_angle(i as f32 * std::f32::consts::TAU / corners as f32) * r;
                    points.push(view.camera.project(rim.up(0.0))?);
                }
            }
            Some(convex_hull(points))
        })
        .collect();
    outline_path(polygons.iter().map(Vec::as_slice))
}

/// A closed path around each polygon.
pub fn outline_path<'p>(polygons: impl Iterator<Item = &'p [V2]>) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for points in polygons.filter(|points| points.len() >= 3) {
        builder.move_to(points[0].x, points[0].y);
        points[1..].iter().for_each(|p| builder.line_to(p.x, p.y));
        builder.close();
    }
    builder.finish()
}

/// Fills `path` with one colour of some opacity.
pub fn fill(onto: &mut Pixmap, path: &Path, colour: Rgb, opacity: f32) {
    let mut paint = Paint {
        anti_alias: true,
        ..Paint::default()
    };
    paint.set_color(skia(colour, opacity));
    onto.fill_path(path, &paint, FillRule::Winding, Transform::identity(), None);
}

/// Cuts a polygon to the picture (Sutherland-Hodgman, one edge of the picture after the other).
fn cut_to(points: &[V2], size: Size) -> Vec<V2> {
    let (w, h) = (size.width as f32, size.height as f32);
    let insides: [&dyn Fn(V2) -> f32; 4] = [&|p| p.x, &|p| w - p.x, &|p| p.y, &|p| h - p.y];
    insides.iter().fold(points.to_vec(), |points, inside| {
        let mut out = Vec::with_capacity(points.len() + 2);
        for (i, &a) in points.iter().enumerate() {
            let b = points[(i + 1) % points.len()];
            let (da, db) = (inside(a), inside(b));
            if da >= 0.0 {
                out.push(a);
            }
            if (da >= 0.0) != (db >= 0.0) {
                out.push(a + (b - a) * (da / (da - db)));
            }
        }
        out
    })
}

fn skia(colour: Rgb, opacity: f32) -> Color {
    let c = |v: f32| v.clamp(0.0, 1.0);
    Color::from_rgba(c(colour.0), c(colour.1), c(colour.2), c(opacity)).unwrap_or(Color::BLACK)
}
