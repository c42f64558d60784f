//! Textured ground under the sky: the picture before anything stands in it, dry, wet or white, by day or lamplight.

use tiny_skia::Pixmap;

use super::{View, fill, outline_path, sky};
use crate::dice::{lattice, noise};
use crate::lamps::{Lamp, Lamplight};
use crate::light::{Rgb, SNOW};
use crate::space::{Camera, Size, V2, V3};
use crate::weather::Weather;
use crate::world::{Material, Road, World};

const MATERIALS: [Material; 7] = [
    Material::Grass,
    Material::Soil,
    Material::Paving,
    Material::Slabs,
    Material::Asphalt,
    Material::Kerb,
    Material::Paint,
];

/// How a material looks: colour, strength of grain (0.15 m), spots (0.9 m) and stains (5 m), tile side in metres,
/// how well it mirrors when wet and how white it gets, 0..1.
struct Look {
    colour: Rgb,
    grain: f32,
    spots: f32,
    stains: f32,
    tile: Option<f32>,
    mirrors: f32,
    whitens: f32,
}

fn look(material: Material) -> Look {
    let of = |hex, (grain, spots, stains), tile, mirrors, whitens| Look {
        colour: Rgb::hex(hex),
        grain,
        spots,
        stains,
        tile,
        mirrors,
        whitens,
    };
    match material {
        Material::Grass => of(0x66793f, (0.20, 0.16, 0.14), None, 0.05, 1.0),
        Material::Soil => of(0x8c7a5e, (0.12, 0.10, 0.10), None, 0.3, 0.95),
        Material::Paving => of(0xa9a49a, (0.05, 0.04, 0.06), Some(0.5), 0.8, 0.85),
        Material::Slabs => of(0xb3a996, (0.05, 0.04, 0.07), Some(1.2), 0.85, 0.85),
        Material::Asphalt => of(0x6d6e70, (0.08, 0.025, 0.05), None, 1.0, 0.62),
        Material::Kerb => of(0xbdbab2, (0.06, 0.04, 0.05), Some(1.0), 0.7, 0.8),
        Material::Paint => of(0xe4e3da, (0.10, 0.12, 0.06), None, 0.9, 0.5),
    }
}

/// The ground of a scene and all that later layers need to know of it.
pub struct Ground {
    /// Sky and lit ground.
    pub picture: Pixmap,
    /// Which pixels are ground.
    pub is_ground: Vec<bool>,
    /// The ground's own colours, for light that comes later; only where lamps burn.
    pub bare: Option<Pixmap>,
    /// How well each pixel mirrors what stands above it, 0..255; only where it is wet.
    pub wet: Option<Vec<u8>>,
}

/// Paints `world` before anything stands in it.
pub fn paint(world: &World, view: &View, weather: &Weather, lamps: &[Lamp], seed: u32) -> Ground {
    let size = view.camera.size();
    let below = rows_below_horizon(&view.camera);
    let mut picture = sky::paint(view, below, seed);
    let mut kinds = vec![None; (size.width * size.height) as usize];
    let base = world.base.unwrap_or(Material::Grass);
    flood(&mut picture, &mut kinds, below, base);
    for (material, polygon) in world.ground() {
        lay(&mut picture, &mut kinds, material, &polygon, view);
    }
    let texture = Texture {
        view,
        weather,
        lamps,
        roads: &world.roads,
        looks: MATERIALS.map(look),
        seed,
    };
    let (bare, wet) = texture.paint(&mut picture, &kinds);
    Ground {
        picture,
        is_ground: kinds.iter().map(Option::is_some).collect(),
        bare,
        wet,
    }
}

fn rows_below_horizon(camera: &Camera) -> u32 {
    (camera.horizon().ceil() + 1.0).clamp(0.0, camera.size().height as f32) as u32
}

fn flood(picture: &mut Pixmap, kinds: &mut [Option<Material>], from_row: u32, material: Material) {
    let start = (from_row * picture.width()) as usize;
    let [r, g, b] = look(material).colour.bytes();
    for pixel in picture.data_mut()[start * 4..].chunks_exact_mut(4) {
        pixel.copy_from_slice(&[r, g, b, 255]);
    }
    kinds[start..].fill(Some(material));
}

fn lay(
    picture: &mut Pixmap,
    kinds: &mut [Option<Material>],
    material: Material,
    polygon: &[V2],
    view: &View,
) {
    let corners: Vec<V3> = polygon.iter().map(|p| p.up(0.0)).collect();
    let outline = view.camera.project_polygon(&corners);
    let Some(path) = outline_path(std::iter::once(outline.as_slice())) else {
        return;
    };
    fill(picture, &path, look(material).colour, 1.0);
    mark(kinds, view.camera.size(), &outline, material);
}

/// Writes `material` to the pixels whose middle lies in the polygon (even-odd, row by row).
fn mark(kinds: &mut [Option<Material>], size: Size, outline: &[V2], material: Material) {
    for row in 0..size.height {
        let y = row as f32 + 0.5;
        let mut cuts: Vec<f32> = Vec::with_capacity(4);
        for (i, a) in outline.iter().enumerate() {
            let b = outline[(i + 1) % outline.len()];
            if (a.y > y) != (b.y > y) {
                cuts.push(a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y));
            }
        }
        cuts.sort_by(f32::total_cmp);
        for pair in cuts.chunks_exact(2) {
            let column = |x: f32| (x + 0.5).clamp(0.0, size.width as f32) as usize;
            let start = (row * size.width) as usize;
            kinds[start + column(pair[0])..start + column(pair[1])].fill(Some(material));
        }
    }
}

/// Turns flat colours into ground: grain, snow, water, light and air.
struct Texture<'a> {
    view: &'a View,
    weather: &'a Weather,
    lamps: &'a [Lamp],
    roads: &'a [Road],
    looks: [Look; 7],
    seed: u32,
}

/// One pixel's ground.
struct Spot {
    at: V2,
    /// From the eye, metres.
    distance: f32,
    /// Metres of ground under the pixel, away from the camera.
    reach: f32,
}

impl Spot {
    /// What is left of a pattern of `wave` metres where a pixel covers more ground than it measures, 0..1.
    fn keep(&self, wave: f32) -> f32 {
        (wave / (2.0 * self.reach) - 0.4).clamp(0.0, 1.0)
    }
}

impl Texture<'_> {
    /// Paints every pixel of ground; gives its own colours and how well it mirrors, as `Ground` wants them.
    fn paint(
        &self,
        picture: &mut Pixmap,
        kinds: &[Option<Material>],
    ) -> (Option<Pixmap>, Option<Vec<u8>>) {
        let size = self.view.camera.size();
        let mut bare = (self.view.light.lamps > 0.0).then(|| picture.clone());
        let mut wet = (self.weather.rain > 0.0).then(|| vec![0u8; kinds.len()]);
        let daylight = self.view.light.on_ground();
        for row in 0..size.height {
            let Some((start, step)) = self.view.camera.ground_row(row as f32 + 0.5) else {
                continue;
            };
            for x in 0..size.width {
                let i = (row * size.width + x) as usize;
                let Some(material) = kinds[i] else { continue };
                let spot = self.spot(start + step * (x as f32 + 0.5));
                let look = &self.looks[MATERIALS.iter().position(|m| *m == material).unwrap_or(0)];
                let pixel = &mut picture.data_mut()[i * 4..i * 4 + 3];
                let paint = Rgb(
                    pixel[0] as f32 / 255.0,
                    pixel[1] as f32 / 255.0,
                    pixel[2] as f32 / 255.0,
                );
                let mut own = self.snowed(paint.scale(self.tone(look, &spot)), look, &spot);
                let mirror = self.mirror(look, &spot);
                own = own.scale(1.0 - 0.42 * self.weather.rain * look.mirrors);
                let lamplight = Lamplight::at(spot.at.up(0.0), self.lamps, &[]).colour;
                let light = &self.view.light;
                let lit = own
                    .times(daylight.plus(lamplight))
                    .mix(light.sky_low, 0.75 * mirror);
                let [r, g, b] = light.through_air(lit, spot.distance).bytes();
                pixel.copy_from_slice(&[r, g, b]);
                if let Some(bare) = &mut bare {
                    let [r, g, b] = own.scale(1.0 - light.air(spot.distance)).bytes();
                    bare.data_mut()[i * 4..i * 4 + 3].copy_from_slice(&[r, g, b]);
                }
                if let Some(wet) = &mut wet {
                    wet[i] = (mirror * 255.0) as u8;
                }
            }
        }
        (bare, wet)
    }

    fn spot(&self, at: V2) -> Spot {
        let (camera, eye) = (&self.view.camera, self.view.camera.eye());
        let distance = (at - eye.ground()).length().hypot(eye.z);
        Spot {
            at,
            distance,
            reach: distance * distance / (camera.scale(1.0) * eye.z),
        }
    }

    /// Brightness of the material's pattern, 1 = as plain.
    fn tone(&self, look: &Look, spot: &Spot) -> f32 {
        let mut tone = 1.0;
        let mut add = |strength: f32, wave: f32, salt: u32| {
            let kept = spot.keep(wave);
            if kept > 0.0 {
                let n = noise(spot.at.x / wave, spot.at.y / wave, self.seed ^ salt);
                tone += strength * kept * n;
            }
        };
        add(look.grain, 0.06, 1);
        add(look.grain, 0.17, 2);
        add(look.spots, 0.9, 3);
        add(look.stains, 4.7, 4);
        add(look.stains * 0.7, 19.0, 5);
        if let Some(side) = look.tile {
            tone += tile(spot.at, side, self.seed) * spot.keep(side * 0.6);
        }
        tone
    }

    /// `colour` under the snow that lies on it; wheels keep their tracks clear and leave slush.
    fn snowed(&self, colour: Rgb, look: &Look, spot: &Spot) -> Rgb {
        let snow = self.weather.snow;
        if snow <= 0.0 {
            return colour;
        }
        let n = |wave: f32, salt: u32| noise(spot.at.x / wave, spot.at.y / wave, self.seed ^ salt);
        let patchy = 0.30 * n(1.3, 21) * spot.keep(1.3) + 0.25 * n(5.0, 22);
        let mut cover =
            (look.whitens * (0.35 + 1.1 * snow) + patchy * (1.2 - snow)).clamp(0.0, 1.0);
        let mut fresh = SNOW.scale(0.97 + 0.05 * n(2.2, 23));
        if look.mirrors > 0.9 {
            let track = self
                .roads
                .iter()
                .map(|r| r.to_wheel_track(spot.at))
                .fold(9.0, f32::min);
            let swept = (1.0 - (track - 0.18 + 0.1 * n(3.0, 24)) * 2.4).clamp(0.0, 1.0);
            cover *= 1.0 - 0.8 * swept;
            fresh = fresh.mix(Rgb::hex(0x9a9692), 0.35 + 0.4 * swept);
        }
        colour.mix(fresh, cover)
    }

    /// How well the wet ground mirrors, 0..1: flat views and puddles most.
    fn mirror(&self, look: &Look, spot: &Spot) -> f32 {
        let rain = self.weather.rain;
        if rain <= 0.0 {
            return 0.0;
        }
        let n = |wave: f32, salt: u32| noise(spot.at.x / wave, spot.at.y / wave, self.seed ^ salt);
        let hollow = 0.6 * n(3.1, 31) + 0.4 * n(0.9, 32) * spot.keep(0.9);
        let puddle = ((hollow - 0.45 + 0.55 * rain) * 3.5).clamp(0.0, 1.0);
        // Schlick's rule for water, raised: a camera's contrast makes mirrors of it.
        let steep = self.view.camera.eye().z / spot.distance;
        let flat = 0.15 + 0.75 * (1.0 - steep).powi(2);
        let film = 0.35 + 0.25 * rain;
        (look.mirrors * flat * (film + (1.0 - film) * puddle) * (rain * 3.0).min(1.0)).min(0.85)
    }
}

/// Brightness of one tile against its neighbours, with a dark joint.
fn tile(ground: V2, side: f32, seed: u32) -> f32 {
    let (x, y) = (ground.x / side, ground.y / side);
    let (fx, fy) = (x - x.floor(), y - y.floor());
    let joint = if fx < 0.06 || fy < 0.06 { -0.14 } else { 0.0 };
    joint + 0.09 * (lattice(x.floor() as i32, y.floor() as i32, seed ^ 9) - 0.5)
}
