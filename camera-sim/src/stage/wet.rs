//! What wet ground mirrors: things that stand on it, and lamps as long streaks.

use tiny_skia::Pixmap;

use super::pixels::SOLID;
use crate::draw::Sprite;
use crate::draw::glow::{Falloff, Glow};
use crate::space::{Camera, V2, V3, v2};

/// How a thing meets the ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contact {
    /// On one spot: a person, a post, a tree. Mirrored at its lowest row.
    Spot,
    /// Along its whole lower edge: a car, a house. Mirrored column by column.
    Edge,
}

/// Draws `sprite` upside down below itself, as strongly as `wet` (0..255 a pixel of the picture) mirrors.
pub(super) fn mirror(sprite: &Sprite, contact: Contact, wet: &[u8], onto: &mut Pixmap) {
    let (w, h) = (
        sprite.pixmap.width() as usize,
        sprite.pixmap.height() as usize,
    );
    let (width, height) = (onto.width() as usize, onto.height() as usize);
    let data = sprite.pixmap.data();
    let feet = feet(data, w, h, contact);
    let (Some(&first), Some(&last)) = (feet.iter().min(), feet.iter().max()) else {
        return;
    };
    // Rough water draws the image out downwards: each column remembers what stood above.
    let mut trail = vec![[0i32; 4]; w];
    let (left, top) = (sprite.left as usize, sprite.top as usize);
    for y in first..(2 * last).min(height.saturating_sub(top)) {
        let start = (top + y) * width + left;
        let row = &mut onto.data_mut()[start * 4..(start + w) * 4];
        let wet = &wet[start..start + w];
        for x in 0..w {
            let Some(above) = (2 * feet[x]).checked_sub(y + 1).filter(|_| y >= feet[x]) else {
                continue;
            };
            let from = &data[(above * w + x) * 4..(above * w + x) * 4 + 4];
            for (t, v) in trail[x].iter_mut().zip(from) {
                *t += ((i32::from(*v) << 4) - *t) >> 2;
            }
            let k = i32::from(wet[x]);
            if k == 0 || trail[x][3] < 16 {
                continue;
            }
            let alpha = trail[x][3] >> 4;
            for c in 0..3 {
                let is = i32::from(row[x * 4 + c]);
                let change = (trail[x][c] >> 4) - is * alpha / 255;
                row[x * 4 + c] = (is + change * k / 255).clamp(0, 255) as u8;
            }
        }
    }
}

/// For each column of a sprite the row below its lowest pixel; 0 where it has none.
fn feet(data: &[u8], w: usize, h: usize, contact: Contact) -> Vec<usize> {
    let solid = |x: usize, y: usize| data[(y * w + x) * 4 + 3] >= SOLID;
    let lowest = |x: usize| (0..h).rev().find(|&y| solid(x, y)).map_or(0, |y| y + 1);
    let mut feet: Vec<usize> = (0..w).map(lowest).collect();
    if contact == Contact::Spot {
        let deepest = feet.iter().copied().max().unwrap_or(0);
        feet.fill(deepest);
    }
    feet
}

/// The streak that a lamp at `head` with `glow` around it makes on wet ground.
pub(super) fn streak(
    head: V3,
    glow: &Glow,
    camera: &Camera,
    wet: &[u8],
    falloff: &Falloff,
    onto: &mut Pixmap,
) {
    let mirrored = V3 { z: -head.z, ..head };
    let (Some(foot), Some(image)) = (
        camera.project(head.ground().up(0.0)),
        camera.project(mirrored),
    ) else {
        return;
    };
    let long = (0.75 * (image.y - foot.y)).max(1.5 * glow.radius);
    let at = V2 {
        x: image.x,
        y: foot.y + 0.75 * (image.y - foot.y),
    };
    let stretch = v2(0.42, long / glow.radius.max(0.5));
    let strong = Glow {
        at,
        colour: glow.colour.scale(2.8),
        ..*glow
    };
    falloff.stretched(&strong, stretch, Some(wet), onto);
}
