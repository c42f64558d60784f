//! A still picture of the deciding frame, with the objects' boxes drawn: a JPEG small enough for a mobile link.

use analytics::geometry::Rect;
use image::{ExtendedColorType, codecs::jpeg::JpegEncoder};

use super::veil::Veiled;
use crate::inference::manifest::sha256_hex;

/// A snapshot is at most this wide, in pixels.
pub const MAX_WIDTH: u32 = 1280;

/// A snapshot is at most this long, in bytes.
pub const MAX_BYTES: usize = 150_000;

/// A thumbnail is at most this wide, in pixels, and this long, in bytes: it follows its alert at once.
pub const THUMBNAIL: (u32, usize) = (320, 8 << 10);

/// First quality that is tried; lower ones follow while the picture is too long.
const QUALITY: u8 = 82;

/// Below this quality a smaller picture shows more.
const WORST_QUALITY: u8 = 40;

/// A colour that neither streets nor skies have much of.
const BOX_COLOUR: [u8; 3] = [255, 196, 0];

/// An encoded snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// JPEG.
    pub jpeg: Vec<u8>,
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// SHA-256 of `jpeg` in hexadecimal.
    pub sha256: String,
}

/// The encoder refused; the event is kept without its picture.
#[derive(Debug, thiserror::Error)]
#[error("snapshot: {0}")]
pub struct SnapshotError(#[from] image::ImageError);

/// Takes a snapshot of what a picture may show, with `boxes` drawn, within these bounds.
///
/// # Errors
/// Where the encoder refuses.
pub fn snapshot_within(
    picture: &Veiled<'_>,
    boxes: &[Rect],
    max_width: u32,
    max_bytes: usize,
) -> Result<Snapshot, SnapshotError> {
    let whole = picture.size();
    let mut width = whole.0.min(max_width).max(1);
    loop {
        let height = u64::from(whole.1) * u64::from(width) / u64::from(whole.0);
        let size = (width, u32::try_from(height).unwrap_or(1).max(1));
        let rgb = picture.rgb(size, |rgb| {
            boxes.iter().for_each(|rect| draw(rgb, size, *rect));
        });
        for quality in (WORST_QUALITY..=QUALITY).rev().step_by(14) {
            let mut jpeg = Vec::new();
            JpegEncoder::new_with_quality(&mut jpeg, quality).encode(
                &rgb,
                size.0,
                size.1,
                ExtendedColorType::Rgb8,
            )?;
            if jpeg.len() <= max_bytes || (quality < WORST_QUALITY + 14 && width <= 64) {
                return Ok(Snapshot {
                    sha256: sha256_hex(&jpeg),
                    jpeg,
                    size,
                });
            }
        }
        width = (width * 3 / 4).max(1);
    }
}

/// Draws the outline of a box that may reach out of the picture.
fn draw(rgb: &mut [u8], (width, height): (u32, u32), rect: Rect) {
    let (w, h) = (width as f32, height as f32);
    let line = (width / 320).clamp(2, 4);
    let pixel = |share: f32, length: f32| (share * length).round().clamp(0.0, length - 1.0) as u32;
    let (left, right) = (pixel(rect.x, w), pixel(rect.x + rect.w, w));
    let (top, bottom) = (pixel(rect.y, h), pixel(rect.y + rect.h, h));
    for y in top..=bottom {
        for x in left..=right {
            let inside =
                x >= left + line && x + line <= right && y >= top + line && y + line <= bottom;
            if !inside {
                let at = (y * width + x) as usize * 3;
                rgb[at..at + 3].copy_from_slice(&BOX_COLOUR);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::picture::Picture;

    fn noise(size: (u32, u32)) -> Vec<u8> {
        let mut state = 1_u64;
        (0..size.0 * size.1 * 3)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect()
    }

    fn whole(picture: &Picture<'_>, boxes: &[Rect]) -> Result<Snapshot, SnapshotError> {
        snapshot_within(&Veiled::bare(*picture), boxes, MAX_WIDTH, MAX_BYTES)
    }

    #[test]
    fn it_stays_within_its_bounds_even_for_noise() {
        let data = noise((1920, 1080));
        let picture = Picture::rgb((1920, 1080), &data).expect("whole");
        let snapshot = whole(&picture, &[]).expect("it encodes");
        assert!(snapshot.jpeg.len() <= MAX_BYTES, "{}", snapshot.jpeg.len());
        assert!(snapshot.size.0 <= MAX_WIDTH);
        assert_eq!(snapshot.sha256, sha256_hex(&snapshot.jpeg));
        let decoded = image::load_from_memory(&snapshot.jpeg).expect("a JPEG");
        assert_eq!((decoded.width(), decoded.height()), snapshot.size);
    }

    #[test]
    fn the_box_is_drawn_where_the_object_is() {
        let data = vec![20_u8; 400 * 200 * 3];
        let picture = Picture::rgb((400, 200), &data).expect("whole");
        let rect = Rect {
            x: 0.25,
            y: 0.5,
            w: 0.5,
            h: 0.9,
        };
        let snapshot = whole(&picture, &[rect]).expect("it encodes");
        assert_eq!(snapshot.size, (400, 200), "not made larger");
        let decoded = image::load_from_memory(&snapshot.jpeg)
            .expect("a JPEG")
            .into_rgb8();
        let bright = |x, y| decoded.get_pixel(x, y).0[0] > 150;
        assert!(bright(100, 150) && bright(300, 150) && bright(200, 100));
        assert!(bright(200, 199), "cut at the picture's edge");
        assert!(!bright(200, 150) && !bright(90, 150) && !bright(200, 90));
    }
}
