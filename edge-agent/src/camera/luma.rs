//! A picture's luma on the small grid of [`Luma`]: what the gate and the rules that watch the picture itself go by. Made once a frame,
//! where somebody asks for it.

use analytics::picture::Luma;

use super::picture::{Format, Picture};

/// Rows of a cell that are read, about: with the columns, enough to average a sensor's noise out.
const ROWS_READ: usize = 2;

/// Means of the picture's luma (green where it is RGB), in its own code values.
pub(super) fn of(picture: &Picture<'_>) -> Luma {
    let (step, offset) = match picture.format {
        Format::Rgb => (3, 1),
        _ => (1, 0),
    };
    let plane = picture.planes[0];
    let (width, height) = (picture.width as usize, picture.height as usize);
    let columns: Vec<(usize, usize)> = (0..Luma::COLUMNS)
        .map(|column| span(column, Luma::COLUMNS, width))
        .collect();
    let mut cells = Vec::with_capacity(Luma::COLUMNS * Luma::ROWS);
    let mut sums = vec![0_u16; width];
    for row in 0..Luma::ROWS {
        let (top, bottom) = span(row, Luma::ROWS, height);
        let every = ((bottom - top) / ROWS_READ).max(1);
        sums.fill(0);
        let mut rows = 0;
        // A cell of a few rows: sums of sixteen bits hold 257 of them.
        for y in (top..bottom).step_by(every).take(2 * ROWS_READ) {
            let line = plane.data[y * plane.stride..]
                .iter()
                .skip(offset)
                .step_by(step);
            sums.iter_mut()
                .zip(line)
                .for_each(|(sum, v)| *sum += u16::from(*v));
            rows += 1;
        }
        cells.extend(columns.iter().map(|&(left, right)| {
            let sum: u32 = sums[left..right].iter().map(|sum| u32::from(*sum)).sum();
            let count = ((right - left) * rows) as u32;
            ((sum + count / 2) / count) as u8
        }));
    }
    Luma::new(cells).expect("as many cells as the grid has were made")
}

/// Where span `i` of `count` begins and ends in `length` samples; at least one sample, which small pictures share.
fn span(i: usize, count: usize, length: usize) -> (usize, usize) {
    let from = (i * length / count).min(length - 1);
    let to = ((i + 1) * length / count).max(from + 1);
    (from, to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::picture::{Colour, Plane};

    fn cells(size: (u32, u32), data: &[u8]) -> Luma {
        let plane = Plane {
            data,
            stride: size.0 as usize,
        };
        let planes = [plane, Plane::NONE, Plane::NONE];
        let picture = Picture::new(size, Format::Gray, planes, Colour::unsaid(size.1));
        of(&picture.expect("whole"))
    }

    #[test]
    fn cells_are_means_of_what_they_cover() {
        let (width, height) = (1280, 720);
        let data: Vec<u8> = (0..width * height)
            .map(|i| ((i % width) / 8 + (i / width) / 8) as u8)
            .collect();
        let luma = cells((width as u32, height as u32), &data);
        // Four columns of one value: every second cell is a step higher.
        assert_eq!(luma.cells()[..4], [0, 0, 1, 1]);
        assert_eq!(luma.cells()[Luma::COLUMNS * 2], 1);
        assert_eq!(luma.cells()[Luma::COLUMNS * Luma::ROWS - 1], 159 + 89);
    }

    #[test]
    fn the_smallest_picture_fills_all_cells() {
        assert!(cells((1, 1), &[77]).cells().iter().all(|cell| *cell == 77));
        let rgb = [10, 20, 30].repeat(4);
        let picture = Picture::rgb((2, 2), &rgb).expect("whole");
        assert!(of(&picture).cells().iter().all(|cell| *cell == 20));
    }
}
