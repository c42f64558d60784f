//! A contact sheet of a scene: pictures from its whole length with zones, lines and boxes drawn in, for authors and docs.

use tiny_skia::{Color, Paint, PathBuilder, Pixmap, Stroke, Transform};

use crate::draw::Bounds;
use crate::scene::{Renderer, Scene};
use crate::space::Size;

/// Columns of a sheet.
const COLUMNS: usize = 3;

/// RGB bytes of `count` pictures of `scene`, evenly spaced in time, with what the rules watch and what is there.
pub fn sheet(scene: &Scene, count: usize) -> (Size, Vec<u8>) {
    let renderer = Renderer::new(scene);
    let rows = count.div_ceil(COLUMNS);
    let size = Size {
        width: scene.size.width * COLUMNS as u32,
        height: scene.size.height * rows as u32,
    };
    let mut out = vec![0; size.width as usize * size.height as usize * 3];
    for i in 0..count {
        let shot = renderer.render((2 * i + 1) * scene.frames() / (2 * count));
        let boxes: Vec<Bounds> = shot
            .seen
            .iter()
            .filter(|s| s.visibility > 0.1)
            .map(|s| s.bounds)
            .collect();
        let picture = marked(scene, &shot.frame.to_rgb(), &boxes);
        let (w, left) = (
            scene.size.width as usize * 3,
            (i % COLUMNS) * scene.size.width as usize * 3,
        );
        for (y, row) in picture.chunks_exact(w).enumerate() {
            let at =
                ((i / COLUMNS) * scene.size.height as usize + y) * size.width as usize * 3 + left;
            out[at..at + w].copy_from_slice(row);
        }
    }
    (size, out)
}

/// The picture with zones in yellow, lines in red (a tick points forward) and boxes in white.
fn marked(scene: &Scene, rgb: &[u8], boxes: &[Bounds]) -> Vec<u8> {
    let (w, h) = (scene.size.width, scene.size.height);
    let mut map = Pixmap::new(w, h).expect("a checked size is never nought");
    for (to, from) in map.data_mut().chunks_exact_mut(4).zip(rgb.chunks_exact(3)) {
        to.copy_from_slice(&[from[0], from[1], from[2], 255]);
    }
    let at = |p: [f32; 2]| (p[0] * w as f32, p[1] * h as f32);
    for zone in &scene.zones {
        stroke(
            &mut map,
            &zone.polygon.iter().map(|&p| at(p)).collect::<Vec<_>>(),
            true,
            Color::from_rgba8(255, 214, 0, 255),
            3.0,
        );
    }
    for line in &scene.lines {
        let (a, b) = (at(line.from), at(line.to));
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let k = 24.0 / dx.hypot(dy).max(1.0);
        let middle = ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
        let red = Color::from_rgba8(255, 48, 48, 255);
        stroke(&mut map, &[a, b], false, red, 3.0);
        stroke(
            &mut map,
            &[middle, (middle.0 - dy * k, middle.1 + dx * k)],
            false,
            red,
            3.0,
        );
    }
    for b in boxes {
        let corners = [
            (b.left, b.top),
            (b.right, b.top),
            (b.right, b.bottom),
            (b.left, b.bottom),
        ];
        stroke(&mut map, &corners, true, Color::WHITE, 1.0);
    }
    map.data()
        .chunks_exact(4)
        .flat_map(|p| [p[0], p[1], p[2]])
        .collect()
}

fn stroke(map: &mut Pixmap, points: &[(f32, f32)], close: bool, colour: Color, width: f32) {
    let mut builder = PathBuilder::new();
    for (i, &(x, y)) in points.iter().enumerate() {
        if i == 0 {
            builder.move_to(x, y)
        } else {
            builder.line_to(x, y)
        }
    }
    if close {
        builder.close();
    }
    let Some(path) = builder.finish() else { return };
    let mut paint = Paint {
        anti_alias: true,
        ..Paint::default()
    };
    paint.set_color(colour);
    map.stroke_path(
        &path,
        &paint,
        &Stroke {
            width,
            ..Stroke::default()
        },
        Transform::identity(),
        None,
    );
}
