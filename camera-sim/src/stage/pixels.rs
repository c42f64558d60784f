//! Sprites onto pictures, and who covers which pixel.

use tiny_skia::Pixmap;

use crate::draw::{Bounds, Sprite};
use crate::space::{Size, V2};

/// A pixel counts as covered from this opacity on (of 255).
pub(super) const SOLID: u8 = 64;
/// Owner of a pixel that nothing moving covers, and one that a tree or house took back.
pub(super) const NOBODY: u16 = 0;
pub(super) const STREET: u16 = u16::MAX;

/// Calls `each` with (index in the sprite, index in the picture) row by row.
pub(super) fn rows(
    sprite: &Sprite,
    picture_width: u32,
    mut each: impl FnMut(std::ops::Range<usize>, usize),
) {
    let (w, h) = (
        sprite.pixmap.width() as usize,
        sprite.pixmap.height() as usize,
    );
    for row in 0..h {
        let at = (sprite.top as usize + row) * picture_width as usize + sprite.left as usize;
        each(row * w..(row + 1) * w, at);
    }
}

/// As `rows`, but only what lies inside `near`.
fn rows_in(
    sprite: &Sprite,
    near: &Bounds,
    picture_width: u32,
    mut each: impl FnMut(std::ops::Range<usize>, usize),
) {
    let (w, h) = (sprite.pixmap.width(), sprite.pixmap.height());
    let from =
        |v: f32, start: u32, n: u32| (v.floor().max(0.0) as u32).saturating_sub(start).min(n);
    let to =
        |v: f32, start: u32, n: u32| (v.ceil().max(0.0) as u32 + 1).saturating_sub(start).min(n);
    let (left, right) = (
        from(near.left, sprite.left, w),
        to(near.right, sprite.left, w),
    );
    let (top, bottom) = (
        from(near.top, sprite.top, h),
        to(near.bottom, sprite.top, h),
    );
    for row in top..bottom.max(top) {
        let at = (sprite.top + row) * picture_width + sprite.left + left;
        let start = (row * w + left) as usize;
        each(
            start..start + right.saturating_sub(left) as usize,
            at as usize,
        );
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
pub(super) fn put(sprite: &Sprite, owner: u16, onto: &mut Pixmap, owners: &mut [u16]) {
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

/// Shows `clean`, the picture before anything moved in it, wherever `sprite` covers what was drawn over it; looks
/// inside `near` only.
pub(super) fn put_back(
    sprite: &Sprite,
    near: &Bounds,
    clean: &Pixmap,
    onto: &mut Pixmap,
    owners: &mut [u16],
) {
    let width = onto.width();
    let (src, behind, dst) = (sprite.pixmap.data(), clean.data(), onto.data_mut());
    rows_in(sprite, near, width, |range, at| {
        for (k, i) in range.enumerate() {
            let alpha = src[i * 4 + 3];
            if alpha == 0 || owners[at + k] == NOBODY {
                continue;
            }
            let pixel = (at + k) * 4..(at + k) * 4 + 4;
            toward(&behind[pixel.clone()], alpha, &mut dst[pixel]);
            if alpha >= SOLID {
                owners[at + k] = STREET;
            }
        }
    });
}

/// Shows `still` again where `sprite` covers it, under what has been painted since inside `near`.
pub(super) fn restore(sprite: &Sprite, near: &Bounds, still: &Pixmap, onto: &mut Pixmap) {
    let width = onto.width();
    let (src, behind, dst) = (sprite.pixmap.data(), still.data(), onto.data_mut());
    rows_in(sprite, near, width, |range, at| {
        for (k, i) in range.enumerate() {
            let pixel = (at + k) * 4..(at + k) * 4 + 4;
            toward(&behind[pixel.clone()], src[i * 4 + 3], &mut dst[pixel]);
        }
    });
}

/// Takes a pixel toward another by `alpha` of 255.
fn toward(other: &[u8], alpha: u8, pixel: &mut [u8]) {
    match alpha {
        0 => {}
        255 => pixel.copy_from_slice(other),
        _ => {
            let alpha = u32::from(alpha);
            for (p, o) in pixel.iter_mut().zip(other) {
                *p = ((u32::from(*o) * alpha + u32::from(*p) * (255 - alpha) + 127) / 255) as u8;
            }
        }
    }
}

/// Bakes a part of the street into the backdrop.
pub(super) fn lay(sprite: &Sprite, backdrop: &mut Pixmap) {
    let width = backdrop.width();
    let (src, dst) = (sprite.pixmap.data(), backdrop.data_mut());
    rows(sprite, width, |range, at| {
        for (k, i) in range.enumerate() {
            let pixel = &src[i * 4..i * 4 + 4];
            if pixel[3] > 0 {
                over(pixel, &mut dst[(at + k) * 4..(at + k) * 4 + 4]);
            }
        }
    });
}

/// Calls `each` with the picture index of every pixel that `sprite` covers.
pub(super) fn covered(sprite: &Sprite, picture_width: u32, mut each: impl FnMut(usize)) {
    let data = sprite.pixmap.data();
    rows(sprite, picture_width, |range, at| {
        for (k, i) in range.enumerate() {
            if data[i * 4 + 3] >= SOLID {
                each(at + k);
            }
        }
    });
}

/// `sprite` with its rows pushed sideways, the row at `top` by `push` pixels, the one at `foot` not at all, as a stem
/// bends; its colours times `tone`. May leave the picture.
pub(super) fn bent(
    sprite: &Sprite,
    (top, foot): (f32, f32),
    push: f32,
    tone: f32,
    size: Size,
) -> Option<Sprite> {
    let pad = push.abs().ceil() as u32 + 1;
    let (w, h) = (sprite.pixmap.width(), sprite.pixmap.height());
    let left = sprite.left.saturating_sub(pad);
    let width = (sprite.left + w + pad).min(size.width) - left;
    let mut pixmap = Pixmap::new(width, h)?;
    let (src, dst) = (sprite.pixmap.data(), pixmap.data_mut());
    let tone = (tone * 256.0) as u32;
    for y in 0..h {
        let high = ((foot - (sprite.top + y) as f32) / (foot - top).max(1.0)).clamp(0.0, 1.0);
        let shift = push * high * high + (sprite.left - left) as f32;
        let (whole, part) = (
            shift.floor() as i64,
            ((shift - shift.floor()) * 256.0) as u32,
        );
        let row = &src[(y * w * 4) as usize..((y + 1) * w * 4) as usize];
        let out = &mut dst[(y * width * 4) as usize..((y + 1) * width * 4) as usize];
        let mut before = [0u8; 4];
        for x in 0..=w as usize {
            let here = row
                .get(x * 4..x * 4 + 4)
                .map_or([0; 4], |p| [p[0], p[1], p[2], p[3]]);
            let to = whole + x as i64;
            if (0..i64::from(width)).contains(&to) {
                let to = to as usize * 4;
                for c in 0..4 {
                    let v = u32::from(here[c]) * (256 - part) + u32::from(before[c]) * part;
                    out[to + c] = (if c < 3 { (v * tone) >> 16 } else { v >> 8 }) as u8;
                }
            }
            before = here;
        }
    }
    Some(Sprite {
        left,
        top: sprite.top,
        pixmap,
        whole: sprite.whole,
        shown: sprite.shown,
    })
}

/// What can be seen of a sprite that was put onto a picture.
pub(super) struct Eyes<'a> {
    pub(super) clean: &'a Pixmap,
    pub(super) picture: &'a Pixmap,
    pub(super) owners: &'a [u16],
}

/// Mean difference from the empty street (steps of 255) from which on a thing can be seen.
const CONTRAST: f32 = 5.0;

impl Eyes<'_> {
    /// The part of the whole thing that shows, 0..1: not hidden, not outside, and not drowned in fog or darkness.
    pub(super) fn visibility(&self, sprite: &Sprite, own: impl Fn(u16) -> bool) -> f32 {
        let (mut all, mut open, mut contrast) = (0u32, 0u32, 0u64);
        let data = sprite.pixmap.data();
        let (clean, picture) = (self.clean.data(), self.picture.data());
        rows(sprite, self.picture.width(), |range, at| {
            for (k, i) in range.enumerate() {
                if data[i * 4 + 3] >= SOLID {
                    all += 1;
                    if own(self.owners[at + k]) {
                        open += 1;
                        let p = (at + k) * 4;
                        let differs = (p..p + 3).map(|c| clean[c].abs_diff(picture[c])).max();
                        contrast += u64::from(differs.unwrap_or(0));
                    }
                }
            }
        });
        let inside = (sprite.shown.area() / sprite.whole.area().max(1.0)).min(1.0);
        let differs = contrast as f32 / open.max(1) as f32 - 1.0;
        let plain = (differs / CONTRAST).clamp(0.0, 1.0);
        plain * inside * open as f32 / all.max(1) as f32
    }
}

/// Whether a sprite covers picture point `at`.
pub(super) fn solid_at(sprite: &Sprite, at: V2) -> bool {
    let (x, y) = (
        at.x as i64 - i64::from(sprite.left),
        at.y as i64 - i64::from(sprite.top),
    );
    let (w, h) = (
        i64::from(sprite.pixmap.width()),
        i64::from(sprite.pixmap.height()),
    );
    let inside = (0..w).contains(&x) && (0..h).contains(&y);
    inside && sprite.pixmap.data()[((y * w + x) * 4 + 3) as usize] >= SOLID
}
