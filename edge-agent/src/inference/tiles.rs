//! Tiles: small objects are looked for in parts of the picture, each analysed at the model's full input size.
//!
//! Tiles overlap. A box that touches an inner edge of its tile is cut, and is left to the neighbour that holds it whole
//! or, where it is larger than the overlap, to the look at the whole picture; what is seen twice is suppressed.

use analytics::{detection::Detection, geometry::Rect, suppress::suppress};

use super::preprocess::Region;

/// Share of a tile's width and height that it has in common with its neighbour.
const OVERLAP: f32 = 0.25;

/// A box this close to an inner edge, as a share of the tile, counts as cut by it.
const CUT: f32 = 0.01;

/// Boxes of one class from different tiles that overlap by more are one object.
const SAME: f32 = 0.5;

/// The whole picture, then `columns` x `rows` overlapping tiles row by row; (1, 1) is the whole alone.
pub fn regions((width, height): (u32, u32), (columns, rows): (u8, u8)) -> Vec<Region> {
    let mut regions = vec![Region::whole(width, height)];
    if columns.max(rows) > 1 {
        for (y, tile_height) in spans(height, rows) {
            for (x, tile_width) in spans(width, columns) {
                regions.push(Region {
                    x,
                    y,
                    width: tile_width,
                    height: tile_height,
                });
            }
        }
    }
    regions
}

/// Even starts and lengths of `count` overlapping spans that cover `length`.
fn spans(length: u32, count: u8) -> Vec<(u32, u32)> {
    let count = u32::from(count.max(1));
    let tile = length as f32 / (count as f32 - OVERLAP * (count - 1) as f32);
    let tile = (tile.ceil() as u32).min(length).max(1);
    (0..count)
        .map(|i| {
            let start = (length - tile) * i / (count - 1).max(1);
            (start & !1, tile + (start & 1))
        })
        .collect()
}

/// Moves detections from `from` on, made in `region`, to the picture's own coordinates, and drops those cut by an edge
/// of the region that is not an edge of the picture.
pub fn place(
    region: Region,
    (width, height): (u32, u32),
    detections: &mut Vec<Detection>,
    from: usize,
) {
    if region == Region::whole(width, height) {
        return;
    }
    let (w, h) = (width as f32, height as f32);
    let (rw, rh) = (region.width as f32, region.height as f32);
    let left = region.x == 0;
    let top = region.y == 0;
    let right = region.x + region.width >= width;
    let bottom = region.y + region.height >= height;
    let mut kept = from;
    for i in from..detections.len() {
        let mut detection = detections[i];
        let r = detection.rect;
        let cut = (!left && r.x < CUT)
            || (!top && r.y < CUT)
            || (!right && r.x + r.w > 1.0 - CUT)
            || (!bottom && r.y + r.h > 1.0 - CUT);
        if cut {
            continue;
        }
        detection.rect = Rect {
            x: (region.x as f32 + r.x * rw) / w,
            y: (region.y as f32 + r.y * rh) / h,
            w: r.w * rw / w,
            h: r.h * rh / h,
        };
        detections[kept] = detection;
        kept += 1;
    }
    detections.truncate(kept);
}

/// One box for each object that several regions saw.
pub fn merge(detections: &mut Vec<Detection>) {
    suppress(detections, SAME);
}

#[cfg(test)]
mod tests {
    use analytics::detection::ClassId;
    use proptest::prelude::*;

    use super::*;

    fn detection(x: f32, y: f32, w: f32, h: f32) -> Detection {
        Detection {
            class: ClassId(0),
            score: 0.5,
            rect: Rect { x, y, w, h },
        }
    }

    proptest! {
        #[test]
        fn tiles_cover_the_picture_and_stay_inside(
            width in 16u32..4000, height in 16u32..3000, columns in 1u8..6, rows in 1u8..5,
        ) {
            let regions = regions((width, height), (columns, rows));
            let tiles = if columns.max(rows) > 1 { usize::from(columns) * usize::from(rows) } else { 0 };
            prop_assert_eq!(regions.len(), 1 + tiles);
            for r in &regions {
                prop_assert!(r.x % 2 == 0 && r.y % 2 == 0);
                prop_assert!(r.x + r.width <= width && r.y + r.height <= height, "{:?}", r);
            }
            let reach = regions.iter().map(|r| r.x + r.width).max();
            prop_assert_eq!(reach, Some(width));
            for pair in spans(width, columns).windows(2) {
                prop_assert!(pair[1].0 < pair[0].0 + pair[0].1, "{:?}", pair);
            }
        }
    }

    #[test]
    fn a_box_goes_to_its_place_in_the_picture() {
        let region = Region {
            x: 100,
            y: 50,
            width: 100,
            height: 50,
        };
        let mut boxes = vec![detection(0.1, 0.2, 0.5, 0.5)];
        place(region, (200, 100), &mut boxes, 0);
        let r = boxes[0].rect;
        assert_eq!((r.x, r.y, r.w, r.h), (0.55, 0.6, 0.25, 0.25));
    }

    #[test]
    fn only_boxes_cut_by_an_inner_edge_are_dropped() {
        let region = Region {
            x: 0,
            y: 0,
            width: 100,
            height: 100,
        };
        let at_the_picture_edge = detection(0.0, 0.2, 0.3, 0.3);
        let cut = detection(0.8, 0.2, 0.2, 0.3);
        let mut boxes = vec![cut, at_the_picture_edge, cut];
        place(region, (200, 100), &mut boxes, 1);
        assert_eq!(boxes.len(), 2);
        assert_eq!(boxes[0], cut, "what came before is left alone");
    }
}
