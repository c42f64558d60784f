//! NanoDet and PicoDet: per level a class map and a map of edge distances as distributions (Generalized Focal Loss).

use super::{
    CellPoint, DecoderError, Found, Grid, Model, Tensor, TensorShape, best, can_be, floats,
};

pub(super) const NAME: &str = "distribution";

#[derive(Clone, Debug)]
pub(super) struct Distribution {
    levels: Vec<Level>,
    classes: usize,
    bins: usize,
    cell_point: CellPoint,
}

#[derive(Clone, Debug)]
struct Level {
    grid: Grid,
    /// Places of this level's two outputs.
    class_map: usize,
    distance_map: usize,
}

impl Distribution {
    pub(super) fn new(
        strides: &[u32],
        reg_max: usize,
        cell_point: CellPoint,
        model: &Model<'_>,
    ) -> Result<Self, DecoderError> {
        model.check_classes(NAME)?;
        if !(1..=255).contains(&reg_max) {
            let problem = format!("reg_max {reg_max}: between 1 and 255, usually 7");
            return Err(DecoderError::Settings {
                family: NAME,
                problem,
            });
        }
        let grids = Grid::levels(NAME, strides, model.input)?;
        let (classes, bins) = (model.classes, reg_max + 1);
        let expected = expected(&grids, classes, bins);
        let levels = match_outputs(&grids, classes, 4 * bins, model.outputs);
        Ok(Distribution {
            levels: levels.ok_or_else(|| model.refuse(NAME, expected))?,
            classes,
            bins,
            cell_point,
        })
    }

    pub(super) fn expected(&self) -> String {
        let grids: Vec<Grid> = self.levels.iter().map(|l| l.grid).collect();
        expected(&grids, self.classes, self.bins)
    }

    pub(super) fn suits(&self, outputs: &[Tensor<'_>]) -> bool {
        outputs.len() == 2 * self.levels.len()
            && self.levels.iter().all(|l| self.read(l, outputs).is_some())
    }

    /// A level's class map and distance map.
    fn read<'a>(&self, level: &Level, outputs: &[Tensor<'a>]) -> Option<(&'a [f32], &'a [f32])> {
        let cells = level.grid.cells();
        let classes = floats(outputs.get(level.class_map)?, &[1, cells, self.classes])?;
        let distances = floats(outputs.get(level.distance_map)?, &[1, cells, 4 * self.bins])?;
        Some((classes, distances))
    }

    pub(super) fn decode(&self, outputs: &[Tensor<'_>], found: &mut Found<'_>) {
        for level in &self.levels {
            let Some((classes, distances)) = self.read(level, outputs) else {
                continue;
            };
            let stride = level.grid.stride();
            let point = match self.cell_point {
                CellPoint::Centre => stride / 2.0,
                CellPoint::MiddlePixel => (stride - 1.0) / 2.0,
            };
            let rows = classes
                .chunks_exact(self.classes)
                .zip(distances.chunks_exact(4 * self.bins));
            for ((scores, edges), (column, line)) in rows.zip(level.grid.places()) {
                let Some((class, score)) = best(scores) else {
                    continue;
                };
                if score < found.min_score {
                    continue;
                }
                let mut edges = edges
                    .chunks_exact(self.bins)
                    .map(|logits| mean(logits) * stride);
                let (Some(left), Some(up), Some(right), Some(down)) =
                    (edges.next(), edges.next(), edges.next(), edges.next())
                else {
                    continue;
                };
                let (x, y) = (column * stride + point, line * stride + point);
                found.push(class, score, [x - left, y - up, x + right, y + down]);
            }
        }
    }
}

fn expected(grids: &[Grid], classes: usize, bins: usize) -> String {
    let level = |g: &Grid| format!("[1, {0}, {classes}] and [1, {0}, {1}]", g.cells(), 4 * bins);
    let maps: Vec<String> = grids.iter().map(level).collect();
    format!(
        "{} outputs, two a level: {}",
        2 * grids.len(),
        maps.join(", ")
    )
}

/// Finds each level's outputs by shape. Where several fit (open dimensions, as many classes as distance logits) a telling
/// name decides, else the order: class maps before distance maps, fine levels before coarse ones.
fn match_outputs(
    grids: &[Grid],
    classes: usize,
    logits: usize,
    outputs: &[TensorShape],
) -> Option<Vec<Level>> {
    if outputs.len() != 2 * grids.len() {
        return None;
    }
    let mut taken = vec![false; outputs.len()];
    let mut take = |cells: usize, width: usize, hints: &[&str]| {
        let fits = |o: &TensorShape| can_be(&o.dims, &[Some(1), Some(cells), Some(width)]);
        let hinted = |o: &TensorShape| hints.iter().any(|h| o.name.to_lowercase().contains(h));
        let free = |(i, o): &(usize, &TensorShape)| taken.get(*i) == Some(&false) && fits(o);
        let candidates = || outputs.iter().enumerate().filter(free);
        let (place, _) = candidates()
            .find(|(_, o)| hinted(o))
            .or_else(|| candidates().next())?;
        if let Some(taken) = taken.get_mut(place) {
            *taken = true;
        }
        Some(place)
    };
    let class_maps: Option<Vec<usize>> = grids
        .iter()
        .map(|g| take(g.cells(), classes, &["cls", "score"]))
        .collect();
    let distance_maps: Option<Vec<usize>> = grids
        .iter()
        .map(|g| take(g.cells(), logits, &["dis", "reg"]))
        .collect();
    let maps = class_maps?.into_iter().zip(distance_maps?);
    let level = |(grid, (class_map, distance_map)): (&Grid, (usize, usize))| Level {
        grid: *grid,
        class_map,
        distance_map,
    };
    Some(grids.iter().zip(maps).map(level).collect())
}

/// Mean of the softmax distribution over 0, 1, 2 ... that these logits stand for.
fn mean(logits: &[f32]) -> f32 {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let (mut sum, mut weighted, mut place) = (0.0, 0.0, 0.0);
    for logit in logits {
        let weight = (logit - top).exp();
        sum += weight;
        weighted += place * weight;
        place += 1.0;
    }
    weighted / sum
}
