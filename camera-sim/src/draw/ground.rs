//! Sky, far skyline and textured ground: the picture before anything stands in it.

use tiny_skia::Pixmap;

use super::{View, fill, outline_path};
use crate::dice::{lattice, noise};
use crate::light::{Light, Rgb};
use crate::space::{Camera, Size, V2, V3, v2};
use crate::world::{Material, World};

const MATERIALS: [Material; 7] = [
    Material::Grass,
    Material::Soil,
    Material::Paving,
    Material::Slabs,
    Material::Asphalt,
    Material::Kerb,
    Material::Paint,
];

/// How a material looks: colour, strength of grain (0.15 m), spots (0.9 m) and stains (5 m), tile side in metres.
struct Look {
    colour: Rgb,
    grain: f32,
    spots: f32,
    stains: f32,
    tile: Option<f32>,
}

fn look(material: Material) -> Look {
    let of = |hex, grain, spots, stains, tile| Look {
        colour: Rgb::hex(hex),
        grain,
        spots,
        stains,
        tile,
    };
    match material {
        Material::Grass => of(0x66793f, 0.20, 0.16, 0.14, None),
        Material::Soil => of(0x8c7a5e, 0.12, 0.10, 0.10, None),
        Material::Paving => of(0xa9a49a, 0.05, 0.04, 0.06, Some(0.5)),
        Material::Slabs => of(0xb3a996, 0.05, 0.04, 0.07, Some(1.2)),
        Material::Asphalt => of(0x6d6e70, 0.08, 0.025, 0.05, None),
        Material::Kerb => of(0xbdbab2, 0.06, 0.04, 0.05, Some(1.0)),
        Material::Paint => of(0xe4e3da, 0.10, 0.12, 0.06, None),
    }
}

/// The empty picture, and which of its pixels are ground.
pub fn paint(world: &World, view: &View, seed: u32) -> (Pixmap, Vec<bool>) {
    let size = view.camera.size();
    let mut picture = sky(view, seed);
    let mut kinds = vec![None; (size.width * size.height) as usize];
    let base = world.base.unwrap_or(Material::Grass);
    let below = rows_below_horizon(&view.camera);
    flood(&mut picture, &mut kinds, below, base, view);
    for (material, polygon) in world.ground() {
        lay(&mut picture, &mut kinds, material, &polygon, view);
    }
    texture(&mut picture, &kinds, view, seed);
    (picture, kinds.iter().map(Option::is_some).collect())
}

fn rows_below_horizon(camera: &Camera) -> u32 {
    (camera.horizon().ceil() + 1.0).clamp(0.0, camera.size().height as f32) as u32
}

fn lit(material: Material, light: &Light) -> Rgb {
    light.shade(
        look(material).colour,
        V3 {
            x: 0.0,
            y: 0.0,
            z: 1.0,
        },
    )
}

fn flood(
    picture: &mut Pixmap,
    kinds: &mut [Option<Material>],
    from_row: u32,
    material: Material,
    view: &View,
) {
    let start = (from_row * picture.width()) as usize;
    let [r, g, b] = lit(material, &view.light).bytes();
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
    fill(picture, &path, lit(material, &view.light), 1.0);
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

/// Roughens the flat colours: grain, spots and stains fade where a pixel covers more ground than they measure.
fn texture(picture: &mut Pixmap, kinds: &[Option<Material>], view: &View, seed: u32) {
    let (camera, light) = (&view.camera, &view.light);
    let size = camera.size();
    let looks = MATERIALS.map(look);
    let metre_px = camera.scale(1.0);
    for (i, pixel) in picture.data_mut().chunks_exact_mut(4).enumerate() {
        let Some(material) = kinds[i] else { continue };
        let at = v2(
            (i as u32 % size.width) as f32 + 0.5,
            (i as u32 / size.width) as f32 + 0.5,
        );
        let Some(ground) = camera.ground_at(at) else {
            continue;
        };
        let distance = (ground - camera.eye().ground())
            .length()
            .hypot(camera.eye().z);
        // Metres of ground under a pixel, away from the camera.
        let reach = distance * distance / (metre_px * camera.eye().z);
        let keep = |wave: f32| (wave / (2.0 * reach) - 0.4).clamp(0.0, 1.0);
        let look = &looks[MATERIALS.iter().position(|m| *m == material).unwrap_or(0)];
        let mut tone = 1.0;
        let mut add = |strength: f32, wave: f32, salt: u32| {
            let kept = keep(wave);
            if kept > 0.0 {
                tone += strength * kept * noise(ground.x / wave, ground.y / wave, seed ^ salt);
            }
        };
        add(look.grain, 0.06, 1);
        add(look.grain, 0.17, 2);
        add(look.spots, 0.9, 3);
        add(look.stains, 4.7, 4);
        add(look.stains * 0.7, 19.0, 5);
        if let Some(side) = look.tile {
            tone += tile(ground, side, seed) * keep(side * 0.6);
        }
        let colour = Rgb(
            pixel[0] as f32 / 255.0,
            pixel[1] as f32 / 255.0,
            pixel[2] as f32 / 255.0,
        );
        let [r, g, b] = light.through_air(colour.scale(tone), distance).bytes();
        pixel[..3].copy_from_slice(&[r, g, b]);
    }
}

/// Brightness of one tile against its neighbours, with a dark joint.
fn tile(ground: V2, side: f32, seed: u32) -> f32 {
    let (x, y) = (ground.x / side, ground.y / side);
    let (fx, fy) = (x - x.floor(), y - y.floor());
    let joint = if fx < 0.06 || fy < 0.06 { -0.14 } else { 0.0 };
    joint + 0.09 * (lattice(x.floor() as i32, y.floor() as i32, seed ^ 9) - 0.5)
}

/// Sky with soft clouds, and a hazy skyline of trees and roofs above the horizon.
fn sky(view: &View, seed: u32) -> Pixmap {
    let size = view.camera.size();
    let (light, horizon) = (&view.light, view.camera.horizon());
    let tall = size.height as f32;
    let mut picture = Pixmap::new(size.width, size.height).expect("a checked size is never nought");
    let rows = rows_below_horizon(&view.camera) as usize;
    let wide = size.width as usize;
    for (i, pixel) in picture.data_mut()[..rows * wide * 4]
        .chunks_exact_mut(4)
        .enumerate()
    {
        let (x, y) = ((i % wide) as f32 / tall, (i / wide) as f32);
        let above = ((horizon - y) / tall).max(0.0);
        let mut colour = light.sky_low.mix(light.sky_top, (above * 1.6).min(1.0));
        let cloud =
            noise(x * 2.2, above * 7.0, seed) * 0.6 + noise(x * 5.5, above * 16.0, seed ^ 77) * 0.4;
        colour = colour.mix(light.sky_low.scale(1.08), (cloud * 1.4).clamp(0.0, 0.75));
        let treetop =
            0.020 + 0.018 * noise(x * 9.0, 0.5, seed ^ 5) + 0.006 * noise(x * 60.0, 0.5, seed ^ 6);
        let roof = 0.05 * (lattice((x * 11.0) as i32, 3, seed ^ 8) - 0.45);
        if above < roof {
            colour = Rgb::hex(0x8f8d8a)
                .scale(light.ambient + 0.25)
                .mix(light.sky_low, 0.45);
        }
        if above < treetop {
            let rough = 0.9 + 0.12 * noise(x * 160.0, above * 160.0, seed ^ 7);
            colour = Rgb::hex(0x566646)
                .scale((light.ambient + 0.25) * rough)
                .mix(light.sky_low, 0.35);
        }
        let [r, g, b] = colour.bytes();
        pixel.copy_from_slice(&[r, g, b, 255]);
    }
    picture
}
