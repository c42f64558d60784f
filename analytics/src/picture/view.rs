//! The long-term reference of a scene's view, and how a picture compares with it.
//!
//! The reference is kept as slopes: edges stay where they are when light changes. Beside it runs a short mean of the last seconds:
//! what stands shows in it, what passes does not.

use std::time::Duration;

use super::{
    field::{
        ACROSS, Agreement, DOWN, Slopes, approach, best_shift, by_block, likeness, pool, shifted,
        slopes,
    },
    luma::Luma,
};

/// Widths of the smaller grids: 80 x 45 and 40 x 22.
const COARSE: usize = Luma::COLUMNS / 4;
const ROUGH: usize = COARSE / 2;

/// The reference is learned this fast once it stands.
const LEARN: f32 = 60.0;
/// The short mean goes back so far, in seconds.
const RECENT: f32 = 0.8;
/// A block whose edges in the reference are weaker, in code values a coarse cell, tells nothing.
const EDGES: f32 = 1.5;
/// Fewer blocks with edges tell nothing of the picture.
const LEAST_BLOCKS: usize = 9;
/// A block that is brighter is dazzled and tells nothing.
const DAZZLED: f32 = 215.0;
/// A block agrees with the reference from this correlation on.
const AGREES: f32 = 0.4;
/// A block with less of the reference's edges is flat.
const FLAT: f32 = 0.4;
/// A block agrees with the last seconds, that is, nothing moves in it, from this correlation on.
const STEADY: f32 = 0.5;
/// A camera that sways, or that has crept by so many coarse cells, has not been moved: a fortieth of the picture.
const SWAY: i8 = 2;
/// Where more of the picture is lost, it is looked whether it sways.
const SWAYS: f32 = 0.15;
/// How far a turned camera is looked for, in rough cells across and down: some two fifths of the picture.
const REACH: (usize, usize) = (16, 9);

/// One picture at all sizes.
#[derive(Debug)]
pub(super) struct Sizes {
    fine: Slopes,
    coarse: Slopes,
    rough: Slopes,
    /// Brightness at the rough and at the coarse size.
    light: Vec<f32>,
    coarse_light: Vec<f32>,
}

impl Sizes {
    pub(super) fn of(cells: &[f32]) -> Sizes {
        let coarse_light = pool(cells, Luma::COLUMNS, 4);
        let light = pool(&coarse_light, COARSE, 2);
        Sizes {
            fine: slopes(cells, Luma::COLUMNS),
            coarse: slopes(&coarse_light, COARSE),
            rough: slopes(&light, ROUGH),
            light,
            coarse_light,
        }
    }

    /// Brightness which a tenth of the picture exceeds.
    pub(super) fn bright(&self) -> f32 {
        let mut light = self.light.clone();
        light.sort_by(f32::total_cmp);
        light.get(light.len() * 9 / 10).copied().unwrap_or_default()
    }
}

/// How a picture compares with the reference; shares are of blocks that tell something.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Comparison {
    /// Enough of the picture tells something.
    pub(super) told: bool,
    /// Neither this picture nor the last seconds agree with the reference.
    pub(super) lost: f32,
    /// This picture does not, and has next to no edges.
    pub(super) flat: f32,
    /// Lost, with standing edges of its own, as strong as those of the reference.
    pub(super) other: f32,
    /// Correlation of the brightness of the whole, whatever the exposure.
    pub(super) likeness: f32,
    /// How much is left of fine edges, by what is left of rough ones: 1 as ever, less out of focus.
    pub(super) sharpness: f32,
    /// How much is left of the contrast.
    pub(super) contrast: f32,
    /// What a tenth of the picture exceeds, and by the reference.
    pub(super) bright: f32,
    pub(super) was_bright: f32,
}

impl Comparison {
    /// Whether the scene is seen as ever.
    pub(super) fn is_good(&self) -> bool {
        self.told
            && self.lost < 0.4
            && self.flat < 0.4
            && self.contrast > 0.35
            && self.sharpness > 0.65
    }
}

/// A scene's view.
#[derive(Debug)]
pub(super) struct View {
    reference: Sizes,
    /// Usual sum of squares of the fine slopes, by block, and of all rough ones.
    fine_energy: Vec<f32>,
    rough_energy: f32,
    recent: Slopes,
    recent_rough: Slopes,
    bright: f32,
    /// Seconds for which the reference was learned.
    pub(super) age: f32,
}

impl View {
    pub(super) fn new(first: Sizes) -> View {
        let fine = by_block(&first.fine, &first.fine, Luma::COLUMNS);
        View {
            fine_energy: fine.iter().map(Agreement::energy_of_a).collect(),
            rough_energy: Agreement::of(&first.rough, &first.rough).energy_of_a(),
            recent: first.coarse.clone(),
            recent_rough: first.rough.clone(),
            bright: first.bright(),
            reference: first,
            age: 0.0,
        }
    }

    /// Notes what has been there in the last seconds.
    pub(super) fn pass(&mut self, now: &Sizes, since: Duration) {
        let share = 1.0 - (-since.as_secs_f32() / RECENT).exp();
        approach(&mut self.recent, &now.coarse, share);
        approach(&mut self.recent_rough, &now.rough, share);
    }

    /// Learns the picture, of so many seconds, as one of the scene.
    pub(super) fn learn(&mut self, now: &Sizes, seconds: f32) {
        self.age += seconds;
        let share = (seconds / self.age.min(LEARN)).min(0.2);
        let was = &mut self.reference;
        approach(&mut was.fine, &now.fine, share);
        approach(&mut was.coarse, &now.coarse, share);
        approach(&mut was.rough, &now.rough, share);
        for (mean, light) in was.light.iter_mut().zip(&now.light) {
            *mean += share * (light - *mean);
        }
        self.bright += share * (now.bright() - self.bright);
        let fine = by_block(&now.fine, &now.fine, Luma::COLUMNS);
        for (mean, now) in self.fine_energy.iter_mut().zip(&fine) {
            *mean += share * (now.energy_of_a() - *mean);
        }
        let rough = Agreement::of(&now.rough, &now.rough).energy_of_a();
        self.rough_energy += share * (rough - self.rough_energy);
    }

    /// Nothing where too little of the picture tells anything.
    pub(super) fn compare(&self, now: &Sizes) -> Option<Comparison> {
        let seen = self.compare_at(now, &now.coarse)?;
        if seen.lost <= SWAYS {
            return Some(seen);
        }
        let ways = (-SWAY..=SWAY).flat_map(|down| (-SWAY..=SWAY).map(move |across| (across, down)));
        let swayed = ways.map(|(across, down)| shifted(&now.coarse, COARSE, across, down));
        let best = swayed
            .map(|coarse| {
                (
                    Agreement::of(&coarse, &self.reference.coarse).correlation(),
                    coarse,
                )
            })
            .max_by(|(a, _), (b, _)| a.total_cmp(b));
        best.and_then(|(_, coarse)| self.compare_at(now, &coarse))
    }

    /// With the coarse slopes of now as they are, or moved by a little.
    fn compare_at(&self, now: &Sizes, coarse: &[[f32; 2]]) -> Option<Comparison> {
        let blocks = by_block(coarse, &self.reference.coarse, COARSE);
        let recent = by_block(&self.recent, &self.reference.coarse, COARSE);
        let steady = by_block(&now.coarse, &self.recent, COARSE);
        let light = block_light(&now.coarse_light);
        let (mut told, mut lost, mut flat, mut other) = (0_u16, 0_u16, 0_u16, 0_u16);
        for (((block, recent), steady), light) in blocks.iter().zip(&recent).zip(&steady).zip(light)
        {
            if block.strength_of_b() < EDGES || light > DAZZLED {
                continue;
            }
            told += 1;
            if block.correlation() >= AGREES {
                continue;
            }
            flat += u16::from(block.energy() < FLAT);
            if recent.correlation() >= AGREES {
                continue;
            }
            lost += 1;
            other += u16::from(steady.correlation() >= STEADY && recent.energy() >= FLAT);
        }
        if usize::from(told) < LEAST_BLOCKS {
            return None;
        }
        let share = |count: u16| f32::from(count) / f32::from(told);
        let rough = Agreement::of(&now.rough, &self.reference.rough);
        Some(Comparison {
            told: true,
            lost: share(lost),
            flat: share(flat),
            other: share(other),
            likeness: likeness(&now.light, &self.reference.light),
            sharpness: self.sharpness(now, &rough),
            contrast: rough.gain(),
            bright: now.bright(),
            was_bright: self.bright,
        })
    }

    /// By what is left of the reference's fine edges, which noise and passers-by do not add to; or by how strong fine edges are, which
    /// does not suffer where the camera sways: by the larger.
    fn sharpness(&self, now: &Sizes, rough: &Agreement) -> f32 {
        let fine = by_block(&now.fine, &self.reference.fine, Luma::COLUMNS);
        let with_edges = || {
            fine.iter()
                .zip(&self.fine_energy)
                .filter(|(block, _)| block.strength_of_b() > 0.3)
        };
        let left = median(with_edges().map(|(block, _)| block.gain()));
        let strong = median(
            with_edges().map(|(block, usual)| (block.energy_of_a() / usual.max(1.0)).sqrt()),
        );
        let contrast = rough.gain().max(0.05);
        let strength = (rough.energy_of_a() / self.rough_energy.max(1.0))
            .sqrt()
            .max(0.05);
        (left / contrast).max(strong / strength)
    }

    /// How well the last seconds show the reference, moved: a correlation.
    pub(super) fn moved(&self) -> f32 {
        best_shift(&self.recent_rough, &self.reference.rough, ROUGH, REACH)
    }
}

/// The middle one; 1 of none.
fn median(values: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = values.collect();
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(1.0)
}

/// Brightness of the blocks of [`by_block`].
fn block_light(cells: &[f32]) -> Vec<f32> {
    let (wide, high) = (COARSE / ACROSS, cells.len() / COARSE / DOWN);
    let bands = cells.chunks_exact(COARSE * high);
    let blocks = bands.flat_map(|band| {
        (0..ACROSS).map(move |block| {
            let rows = band.chunks_exact(COARSE);
            let parts = rows.flat_map(move |row| row.iter().skip(block * wide).take(wide));
            parts.sum::<f32>() / (wide * high) as f32
        })
    });
    blocks.collect()
}
