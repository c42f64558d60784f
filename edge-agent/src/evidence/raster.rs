//! Which pixels a polygon touches. It knows nothing of colours and formats.

use std::ops::Range;

use analytics::geometry::Polygon;

/// Gives the pixels of a picture of `size` that the polygon touches by some area, and those that lie less than `grown` pixels
/// beside or above them: row by row, as ranges of columns, which may overlap.
pub(super) fn touched(
    polygon: &Polygon,
    size: (u32, u32),
    grown: f64,
    mut each: impl FnMut(u32, Range<u32>),
) {
    let (width, height) = (f64::from(size.0), f64::from(size.1));
    let vertices = polygon.vertices().iter();
    let vertices: Vec<(f64, f64)> = vertices
        .map(|p| (f64::from(p.x) * width, f64::from(p.y) * height))
        .collect();
    let ys = vertices.iter().map(|v| v.1);
    let (top, bottom) = ys.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), y| {
        (low.min(y), high.max(y))
    });
    let rows = whole(top - grown, bottom + grown, size.1);
    let mut spans = Vec::new();
    for row in rows {
        let band = (f64::from(row) - grown, f64::from(row) + 1.0 + grown);
        spans.clear();
        collect(&vertices, band, &mut spans);
        for (from, to) in &spans {
            let columns = whole(from - grown, to + grown, size.0);
            if !columns.is_empty() {
                each(row, columns);
            }
        }
    }
}

/// The whole pixels that `from..to` covers a part of, of `length` there are.
fn whole(from: f64, to: f64, length: u32) -> Range<u32> {
    let clamped = |v: f64| v.clamp(0.0, f64::from(length)) as u32;
    clamped(from.floor())..clamped(to.ceil())
}

/// What of the polygon lies between two horizontal lines, seen from above: the outline of every piece of it is made of
/// pieces of sides and of stretches of the two lines, and covers the piece's whole width.
fn collect(vertices: &[(f64, f64)], (top, bottom): (f64, f64), spans: &mut Vec<(f64, f64)>) {
    let sides = || {
        let ends = vertices.iter().cycle().skip(1);
        vertices.iter().copied().zip(ends.copied())
    };
    for (a, b) in sides() {
        let (upper, lower) = if a.1 <= b.1 { (a, b) } else { (b, a) };
        if lower.1 > top && upper.1 < bottom {
            let (x, y) = (
                x_at(upper, lower, top.max(upper.1)),
                x_at(upper, lower, bottom.min(lower.1)),
            );
            let flat = upper.1 >= lower.1;
            let (x, y) = if flat { (a.0, b.0) } else { (x, y) };
            spans.push((x.min(y), x.max(y)));
        }
    }
    // Just below the upper line, and just above the lower one.
    stretches(
        sides().filter(|(a, b)| (a.1 > top) != (b.1 > top)),
        top,
        spans,
    );
    let lower = sides().filter(|(a, b)| (a.1 >= bottom) != (b.1 >= bottom));
    stretches(lower, bottom, spans);
}

/// The stretches of the line at `y` inside the polygon, whose sides that cross it are given.
fn stretches(
    crossing: impl Iterator<Item = ((f64, f64), (f64, f64))>,
    y: f64,
    spans: &mut Vec<(f64, f64)>,
) {
    let mut at: Vec<f64> = crossing.map(|(a, b)| x_at(a, b, y)).collect();
    at.sort_by(f64::total_cmp);
    let pairs = at.chunks_exact(2);
    spans.extend(pairs.map(|pair| (pair[0], pair[1])));
}

/// Where the side from `a` to `b` is at `y`.
fn x_at(a: (f64, f64), b: (f64, f64), y: f64) -> f64 {
    if a.1 == b.1 {
        return a.0;
    }
    // Ends come out as they are: rounding must not leave a vertex out.
    let share = ((y - a.1) / (b.1 - a.1)).clamp(0.0, 1.0);
    if share == 1.0 {
        return b.0;
    }
    a.0 + (b.0 - a.0) * share
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use analytics::geometry::Point;
    use proptest::prelude::*;

    use super::*;

    const SIZE: (u32, u32) = (24, 16);

    fn pixels(polygon: &Polygon, grown: f64) -> BTreeSet<(u32, u32)> {
        let mut found = BTreeSet::new();
        touched(polygon, SIZE, grown, |y, columns| {
            found.extend(columns.map(|x| (x, y)));
        });
        found
    }

    fn polygon(points: &[(f32, f32)]) -> Option<Polygon> {
        let points = points.iter().map(|(x, y)| Point::new(*x, *y));
        Polygon::new(points.collect()).ok()
    }

    #[test]
    fn a_box_on_whole_pixels_takes_those_and_no_other() {
        let corners = [(0.25, 0.25), (0.5, 0.25), (0.5, 0.5), (0.25, 0.5)];
        let rectangle = polygon(&corners).expect("a polygon");
        let wanted = |grown: u32| -> BTreeSet<(u32, u32)> {
            let columns = 6 - grown..12 + grown;
            let rows = 4 - grown..8 + grown;
            let cells = columns.flat_map(|x| rows.clone().map(move |y| (x, y)));
            cells.collect()
        };
        assert_eq!(pixels(&rectangle, 0.0), wanted(0));
        assert_eq!(pixels(&rectangle, 2.0), wanted(2));
    }

    #[test]
    fn a_bay_between_two_arms_is_left_out() {
        let bay = [
            (0.0, 0.0),
            (1.0, 0.0),
            (1.0, 1.0),
            (0.75, 1.0),
            (0.75, 0.5),
            (0.25, 0.5),
            (0.25, 1.0),
            (0.0, 1.0),
        ];
        let found = pixels(&polygon(&bay).expect("a polygon"), 0.0);
        assert!(found.contains(&(12, 7)) && found.contains(&(5, 15)) && found.contains(&(18, 15)));
        assert!(
            !found.contains(&(12, 8)) && !found.contains(&(6, 15)) && !found.contains(&(17, 15))
        );
    }

    /// A polygon around the middle: points at growing angles, so that its sides do not meet.
    fn stars() -> impl Strategy<Value = Polygon> {
        let spoke = (0.02_f32..0.49, 0.1_f32..0.9);
        prop::collection::vec(spoke, 3..9).prop_filter_map("sides meet", |spokes| {
            let step = std::f32::consts::TAU / spokes.len() as f32;
            let points = spokes.iter().enumerate().map(|(i, (length, turn))| {
                let (sin, cos) = ((i as f32 + turn) * step).sin_cos();
                (0.5 + length * cos, 0.5 + length * sin)
            });
            polygon(&points.collect::<Vec<_>>())
        })
    }

    proptest! {
        #[test]
        fn what_lies_inside_is_touched_and_what_is_touched_has_something_inside(star in stars()) {
            let found = pixels(&star, 0.0);
            // Fine points: none that is inside may lie in a pixel that is left out, and a pixel well inside the outline's
            // neighbourhood that is taken must show one.
            const FINE: u32 = 24;
            let mut shown = BTreeSet::new();
            for y in 0..SIZE.1 * FINE {
                for x in 0..SIZE.0 * FINE {
                    let at = |v: u32, length: u32| (v as f32 + 0.5) / (length * FINE) as f32;
                    if star.contains(Point::new(at(x, SIZE.0), at(y, SIZE.1))) {
                        shown.insert((x / FINE, y / FINE));
                    }
                }
            }
            prop_assert!(shown.is_subset(&found), "left out: {:?}", shown.difference(&found));
            // A sliver may slip between the fine points, but its outline then goes through the pixel.
            let outline = |(px, py): (u32, u32)| {
                let v = star.vertices();
                (0..v.len()).any(|i| (0..=4000).any(|k| {
                    let (a, b, k) = (v[i], v[(i + 1) % v.len()], k as f32 / 4000.0);
                    let x = (a.x + (b.x - a.x) * k) * SIZE.0 as f32 - px as f32;
                    let y = (a.y + (b.y - a.y) * k) * SIZE.1 as f32 - py as f32;
                    (-0.01..=1.01).contains(&x) && (-0.01..=1.01).contains(&y)
                }))
            };
            let without = found.difference(&shown).find(|pixel| !outline(**pixel));
            prop_assert_eq!(without, None);
        }

        #[test]
        fn grown_it_is_what_lies_so_near(star in stars(), grown in 1_u32..4) {
            let (plain, large) = (pixels(&star, 0.0), pixels(&star, f64::from(grown)));
            let near = |(x, y): (u32, u32)| {
                let rows = y.saturating_sub(grown)..=y + grown;
                rows.flat_map(move |y| (x.saturating_sub(grown)..=x + grown).map(move |x| (x, y)))
            };
            let around: BTreeSet<_> = plain.iter().flat_map(|p| near(*p))
                .filter(|(x, y)| *x < SIZE.0 && *y < SIZE.1).collect();
            prop_assert_eq!(around, large);
        }
    }
}
