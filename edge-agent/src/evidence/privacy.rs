//! What of a picture nobody may see: static masks, burnt to one colour, and people who have no part in the incident,
//! made cells of one colour each.
//!
//! It works on pixels alone and never on the original: whoever calls it hands it a copy that is to leave.

use analytics::{detection::ClassId, geometry::Polygon, geometry::Rect};

use super::raster::touched;
use crate::camera::canvas::Canvas;

/// Pixels beside a mask that are burnt with it: those that scaling and halved chroma mix with pixels of the mask.
const BESIDE: f64 = 3.0;

/// A cell is at least so many pixels wide, however small the picture.
const LEAST_CELL: u32 = 4;

/// Along the longer side of a person there are at most so many cells, that of a large one too: a head has about two.
const CELLS: f32 = 14.0;

/// What a camera's pictures show to nobody.
#[derive(Clone, Debug, Default)]
pub struct Privacy {
    masks: Vec<Polygon>,
    classes: Vec<ClassId>,
    cell: f32,
}

impl Privacy {
    /// `masks` are burnt, objects of `classes` pixelated in cells of at least `cell` of the picture's width.
    pub fn new(masks: Vec<Polygon>, classes: Vec<ClassId>, cell: f32) -> Privacy {
        Privacy {
            masks,
            classes,
            cell,
        }
    }

    /// Whether anything is masked.
    pub fn has_masks(&self) -> bool {
        !self.masks.is_empty()
    }

    /// Whether objects of a class are pixelated.
    pub fn hides(&self, class: ClassId) -> bool {
        self.classes.contains(&class)
    }

    /// Which of a model's classes are pixelated.
    pub fn hidden(&self, labels: &[String]) -> Vec<String> {
        let labels = labels.iter().enumerate().filter(|(place, _)| {
            u16::try_from(*place).is_ok_and(|place| self.hides(ClassId(place)))
        });
        labels.map(|(_, label)| label.clone()).collect()
    }

    /// Whether objects of any class are.
    pub fn hides_any(&self) -> bool {
        !self.classes.is_empty()
    }

    /// Makes packed RGB of `size` fit to be shown: `people` become cells, except where they are also in `kept`, and masks
    /// are burnt.
    pub fn apply(&self, rgb: &mut [u8], size: (u32, u32), people: &[Rect], kept: &[Rect]) {
        // Before, so that no cell's colour tells of what is masked; and again, since cells reach into masks.
        self.burn_masks(rgb, size);
        pixelate(rgb, size, (people, kept), self.cell);
        self.burn_masks(rgb, size);
    }

    /// Burns the masks into packed RGB of `size`: black.
    pub fn burn_masks(&self, rgb: &mut [u8], size: (u32, u32)) {
        for mask in &self.masks {
            touched(mask, size, BESIDE, |row, columns| {
                let at = |column: u32| (row * size.0 + column) as usize * 3;
                if let Some(pixels) = rgb.get_mut(at(columns.start)..at(columns.end)) {
                    pixels.fill(0);
                }
            });
        }
    }

    /// Burns the masks into a picture of three planes: black.
    pub fn burn_canvas(&self, canvas: &mut Canvas<'_>) {
        for (plane, value) in canvas.planes.iter_mut().zip([BLACK, GREY, GREY]) {
            let length = |samples: usize| u32::try_from(samples).unwrap_or(u32::MAX);
            let size = (length(plane.width), length(plane.height));
            for mask in &self.masks {
                touched(mask, size, BESIDE, |row, columns| {
                    let columns = columns.start as usize..columns.end as usize;
                    plane.row(row as usize, columns).fill(value);
                });
            }
        }
    }
}

/// Luma of black, where codes are limited to 16..=235.
const BLACK: u8 = 16;

/// Chroma of no colour.
const GREY: u8 = 128;

/// Left, top, right, bottom, in pixels; right and bottom are the first outside.
type Block = [u32; 4];

/// Makes cells of one colour of all that the boxes of `people` touch, without the pixels wholly in a box of `kept`.
/// `least` is the least side of a cell as a share of the picture's width.
fn pixelate(rgb: &mut [u8], size: (u32, u32), (people, kept): (&[Rect], &[Rect]), least: f32) {
    let least = ((size.0 as f32 * least).ceil() as u32).max(LEAST_CELL);
    let (width, height) = (size.0 as f32, size.1 as f32);
    let kept: Vec<Block> = kept.iter().map(|rect| inside(rect, size)).collect();
    for rect in people.iter().filter(|rect| rect.is_sound()) {
        let longer = (rect.w * width).max(rect.h * height);
        // Sides double: the cells of a small one fit into those of a large one, and leave them of one colour.
        let mut cell = least;
        while (cell as f32) < longer / CELLS && cell < size.0.max(size.1) {
            cell *= 2;
        }
        let [left, top, right, bottom] = around(rect, size);
        for y in (top / cell * cell..bottom).step_by(cell as usize) {
            for x in (left / cell * cell..right).step_by(cell as usize) {
                let block = [x, y, (x + cell).min(size.0), (y + cell).min(size.1)];
                flatten(rgb, size.0, block, &kept);
            }
        }
    }
}

/// The pixels that a box touches.
fn around(rect: &Rect, (width, height): (u32, u32)) -> Block {
    let pixel = |share: f32, length: u32| (share * length as f32).clamp(0.0, length as f32);
    [
        pixel(rect.x, width).floor() as u32,
        pixel(rect.y, height).floor() as u32,
        pixel(rect.x + rect.w, width).ceil() as u32,
        pixel(rect.y + rect.h, height).ceil() as u32,
    ]
}

/// The pixels that lie wholly in a box.
fn inside(rect: &Rect, (width, height): (u32, u32)) -> Block {
    let pixel = |share: f32, length: u32| (share * length as f32).clamp(0.0, length as f32);
    [
        pixel(rect.x, width).ceil() as u32,
        pixel(rect.y, height).ceil() as u32,
        pixel(rect.x + rect.w, width).floor() as u32,
        pixel(rect.y + rect.h, height).floor() as u32,
    ]
}

/// Gives all pixels of a block their mean, except those in `kept`, which have no part in it either.
fn flatten(rgb: &mut [u8], width: u32, [left, top, right, bottom]: Block, kept: &[Block]) {
    let meets = |k: &&Block| k[0] < right && k[2] > left && k[1] < bottom && k[3] > top;
    let near: Vec<&Block> = kept.iter().filter(meets).collect();
    let hidden = |x: u32, y: u32| {
        let holds = |k: &&Block| (k[0]..k[2]).contains(&x) && (k[1]..k[3]).contains(&y);
        !near.iter().any(holds)
    };
    let at = |x: u32, y: u32| (y * width + x) as usize * 3;
    let places = || {
        let rows = (top..bottom).flat_map(move |y| (left..right).map(move |x| (x, y)));
        rows.filter(|(x, y)| hidden(*x, *y))
    };
    let (mut sum, mut count) = ([0_u32; 3], 0);
    for (x, y) in places() {
        let from = at(x, y);
        let pixel = &rgb[from..from + 3];
        sum.iter_mut()
            .zip(pixel)
            .for_each(|(sum, value)| *sum += u32::from(*value));
        count += 1;
    }
    if count == 0 {
        return;
    }
    // A mean of bytes is a byte.
    let mean = sum.map(|sum| ((sum + count / 2) / count) as u8);
    for (x, y) in places() {
        let from = at(x, y);
        rgb[from..from + 3].copy_from_slice(&mean);
    }
}

#[cfg(test)]
#[path = "privacy_tests.rs"]
mod tests;
