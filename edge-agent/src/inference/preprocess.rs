//! From a decoder's planes to a model's input tensor: scale, convert to RGB, normalise, in one pass over the output.
//!
//! Each plane is sampled bilinearly (two taps on either axis, pixel centres aligned, as OpenCV's `INTER_LINEAR`, which
//! the detectors in the catalogue were trained with) only where the output needs it, in `f32` without rounding between
//! the steps: a 1080p picture is never converted whole. Luma is sampled on the output's grid, chroma on every second
//! pixel of it. Rows go through the widest vector instructions that the processor has, found when the agent starts, so
//! that one build suits every box. Nothing is allocated while pictures of known sizes flow, and padding is written once.

use analytics::{decoder::Fit, geometry::Rect};

use super::resample::{Component, RowTap, Taps, blend, row_taps};
use crate::camera::picture::{Factors, Format, Picture};

/// How a picture is laid into a model's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fitting {
    /// Scaled by one factor, at the top left, the rest padded.
    LetterboxTopLeft,
    /// Scaled by one factor, in the middle, the rest padded.
    LetterboxCentre,
    /// Each axis scaled by itself; no padding.
    Stretch,
}

/// Order of the colour planes in a model's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColourOrder {
    /// Red first.
    Rgb,
    /// Blue first.
    Bgr,
}

/// What a model wants as its picture: planes `[3, height, width]` of `(value * scale - mean) / std`.
#[derive(Clone, Debug, PartialEq)]
pub struct InputSpec {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Order of the planes.
    pub colour: ColourOrder,
    /// How the picture is laid in.
    pub fit: Fitting,
    /// Code value 0..=255 of the padding, in all planes.
    pub pad: f32,
    /// Factor on code values 0..=255.
    pub scale: f32,
    /// Mean in the order of `colour`, after `scale`.
    pub mean: [f32; 3],
    /// Standard deviation in the order of `colour`, after `scale`; not zero.
    pub std: [f32; 3],
}

impl InputSpec {
    /// Number of values in the tensor.
    pub fn len(&self) -> usize {
        3 * self.size.0 as usize * self.size.1 as usize
    }

    /// Whether the tensor has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gain and bias on code values of each plane, in the order of `colour`.
    fn affine(&self) -> [(f32, f32); 3] {
        std::array::from_fn(|i| (self.scale / self.std[i], -self.mean[i] / self.std[i]))
    }

    /// Left, top, width and height of the scaled picture in the input.
    fn place(&self, (width, height): (u32, u32)) -> [u32; 4] {
        let (in_w, in_h) = self.size;
        if self.fit == Fitting::Stretch {
            return [0, 0, in_w, in_h];
        }
        let scale = (f64::from(in_w) / f64::from(width)).min(f64::from(in_h) / f64::from(height));
        let fitted = |length: u32, limit: u32| {
            // The guard keeps 0.65 * 640 from becoming 415 by a rounding error.
            ((f64::from(length) * scale + 1e-6) as u32).clamp(1, limit)
        };
        let (w, h) = (fitted(width, in_w), fitted(height, in_h));
        match self.fit {
            Fitting::LetterboxCentre => [(in_w - w) / 2, (in_h - h) / 2, w, h],
            _ => [0, 0, w, h],
        }
    }
}

/// A part of a picture in pixels; even left and top keep chroma aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Region {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Width, at least 1.
    pub width: u32,
    /// Height, at least 1.
    pub height: u32,
}

impl Region {
    /// What holds `rect` (0..=1 of the picture) with even left and top; nothing where they do not meet by two pixels.
    pub fn around(rect: Rect, (width, height): (u32, u32)) -> Option<Region> {
        let span = |from: f32, length: f32, whole: u32| {
            let pixel = |v: f32| (v.clamp(0.0, 1.0) * whole as f32) as u32;
            let first = pixel(from) & !1;
            let end = pixel(from + length).min(whole);
            (end >= first + 2).then(|| (first, end - first))
        };
        let (x, width) = span(rect.x, rect.w, width)?;
        let (y, height) = span(rect.y, rect.h, height)?;
        Some(Region {
            x,
            y,
            width,
            height,
        })
    }

    /// The whole picture.
    pub fn whole(width: u32, height: u32) -> Region {
        Region {
            x: 0,
            y: 0,
            width,
            height,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Geometry {
    picture: (u32, u32),
    region: Region,
}

/// Everything that depends on the picture's size alone.
struct Plan {
    geometry: Geometry,
    place: [u32; 4],
    x: Taps,
    y: Vec<RowTap>,
    chroma_x: Taps,
    chroma_y: Vec<RowTap>,
}

impl Plan {
    fn new(spec: &InputSpec, geometry: Geometry) -> Plan {
        let Region {
            x,
            y,
            width,
            height,
        } = geometry.region;
        let place = spec.place((width, height));
        let [_, _, w, h] = place;
        let across = geometry.picture.0;
        let half = |length: u32| length.div_ceil(2);
        Plan {
            geometry,
            place,
            x: Taps::new(x, width, across, w),
            y: row_taps(y, height, h),
            chroma_x: Taps::new(x / 2, half(width), half(across), half(w)),
            chroma_y: row_taps(y / 2, half(height), half(h)),
        }
    }
}

/// How far a tensor is padded; it belongs beside that tensor. A new one knows of none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Padding(Option<[u32; 4]>);

/// Turns pictures into input tensors of one model.
pub struct Preprocessor {
    spec: InputSpec,
    affine: [(f32, f32); 3],
    plans: Vec<Plan>,
    rows: Rows,
}

/// Where the rows of a picture are worked on; as long as the widest picture so far.
struct Rows {
    /// The widest instructions that this processor has.
    vector: pulp::Arch,
    words: Vec<u32>,
    lines: [Vec<f32>; 3],
    /// What chroma adds to red, green and blue on the current two rows.
    tint: [Vec<f32>; 3],
}

/// Picture sizes and regions whose plans are kept; more than any box has cameras and tiles.
const PLANS: usize = 256;

impl Preprocessor {
    /// For a model's input.
    pub fn new(spec: InputSpec) -> Preprocessor {
        Preprocessor {
            affine: spec.affine(),
            spec,
            plans: Vec::new(),
            rows: Rows {
                vector: pulp::Arch::new(),
                words: Vec::new(),
                lines: Default::default(),
                tint: Default::default(),
            },
        }
    }

    /// What the model wants.
    pub fn spec(&self) -> &InputSpec {
        &self.spec
    }

    /// Fills `tensor` (`[3, height, width]`) with `region` of `picture`, and says how it was laid in. The region must
    /// lie within the picture.
    ///
    /// # Panics
    /// Where `tensor` is not exactly as long as [`InputSpec::len`].
    pub fn run(&mut self, picture: &Picture<'_>, region: Region, tensor: &mut [f32]) -> Fit {
        self.run_again(picture, region, tensor, &mut Padding::default())
    }

    /// As [`Preprocessor::run`], on a tensor that nobody else writes to: where it is padded already, as `padding` knows,
    /// padding stays as it is.
    ///
    /// # Panics
    /// As [`Preprocessor::run`].
    pub fn run_again(
        &mut self,
        picture: &Picture<'_>,
        region: Region,
        tensor: &mut [f32],
        padding: &mut Padding,
    ) -> Fit {
        assert_eq!(tensor.len(), self.spec.len(), "length of the input tensor");
        let plan = self.plan(Geometry {
            picture: (picture.width, picture.height),
            region,
        });
        let plan = self.plans.swap_remove(plan);
        if padding.0.replace(plan.place) != Some(plan.place) {
            self.pad(plan.place, tensor);
        }
        match picture.format {
            Format::Rgb => self.lay_rgb(picture, &plan, tensor),
            Format::Gray => self.lay_luma(picture, &plan, None, tensor),
            Format::I420 => {
                let chroma = [1, 2].map(|i| component(picture, i, 0, 1));
                self.lay_luma(picture, &plan, Some(chroma), tensor);
            }
            Format::Nv12 => {
                let chroma = [0, 1].map(|offset| component(picture, 1, offset, 2));
                self.lay_luma(picture, &plan, Some(chroma), tensor);
            }
        }
        let [left, top, w, h] = plan.place.map(|v| v as f32);
        self.plans.push(plan);
        Fit {
            input: self.spec.size,
            scale: (w / region.width as f32, h / region.height as f32),
            offset: (left, top),
            picture: (region.width, region.height),
        }
    }

    /// Place of the plan for this geometry, made where it is new.
    fn plan(&mut self, geometry: Geometry) -> usize {
        if let Some(found) = self.plans.iter().position(|p| p.geometry == geometry) {
            return found;
        }
        if self.plans.len() >= PLANS {
            self.plans.clear();
        }
        self.plans.push(Plan::new(&self.spec, geometry));
        self.plans.len() - 1
    }

    /// Fills what the picture does not cover.
    fn pad(&self, [left, top, w, h]: [u32; 4], tensor: &mut [f32]) {
        let (in_w, in_h) = (self.spec.size.0 as usize, self.spec.size.1 as usize);
        let (left, top, w, h) = (left as usize, top as usize, w as usize, h as usize);
        if (w, h) == (in_w, in_h) {
            return;
        }
        for (plane, (gain, bias)) in tensor.chunks_exact_mut(in_w * in_h).zip(self.affine) {
            let pad = self.spec.pad * gain + bias;
            plane[..top * in_w].fill(pad);
            plane[(top + h) * in_w..].fill(pad);
            for row in plane[top * in_w..(top + h) * in_w].chunks_exact_mut(in_w) {
                row[..left].fill(pad);
                row[left + w..].fill(pad);
            }
        }
    }

    fn lay_rgb(&mut self, picture: &Picture<'_>, plan: &Plan, tensor: &mut [f32]) {
        self.rows.widen(plan.x.len());
        for (i, y) in plan.y.iter().enumerate() {
            for colour in 0..3 {
                let component = component(picture, 0, colour, 3);
                let (out, affine) = row_of(&self.spec, self.affine, tensor, plan.place, colour, i);
                self.rows.sample(component, &plan.x, *y, affine, out);
            }
        }
    }

    fn lay_luma(
        &mut self,
        picture: &Picture<'_>,
        plan: &Plan,
        chroma: Option<[Component<'_>; 2]>,
        tensor: &mut [f32],
    ) {
        let factors = picture.colour.factors();
        let luma = component(picture, 0, 0, 1);
        self.rows.widen(plan.x.len());
        for (i, y) in plan.y.iter().enumerate() {
            if let Some(chroma) = chroma.filter(|_| i % 2 == 0) {
                self.rows
                    .tint(chroma, &plan.chroma_x, plan.chroma_y[i / 2], factors);
            }
            self.rows.luma(luma, &plan.x, *y, factors);
            for colour in 0..3 {
                let (out, affine) = row_of(&self.spec, self.affine, tensor, plan.place, colour, i);
                self.rows.colour(colour, affine, out);
            }
        }
    }
}

impl Rows {
    /// Makes room for rows of `width` samples without chroma.
    fn widen(&mut self, width: usize) {
        // Tints are made two samples at a time.
        let width = width.next_multiple_of(2);
        self.words.resize(width, 0);
        for line in &mut self.lines {
            line.resize(width, 0.0);
        }
        for tint in &mut self.tint {
            tint.clear();
            tint.resize(width, 0.0);
        }
    }

    /// Samples of one component, each `* gain + bias`.
    fn sample(
        &mut self,
        component: Component<'_>,
        x: &Taps,
        y: RowTap,
        affine: (f32, f32),
        out: &mut [f32],
    ) {
        let words = &mut self.words[..x.len()];
        component.pick(x, y, words);
        self.vector.dispatch(|| blend(words, x, y, affine, out));
    }

    /// Light of a row, in code values of the full range, into the first line.
    fn luma(&mut self, luma: Component<'_>, x: &Taps, y: RowTap, f: Factors) {
        let (words, line) = (&mut self.words[..x.len()], &mut self.lines[0][..x.len()]);
        luma.pick(x, y, words);
        let affine = (f.y, -f.y0 * f.y);
        self.vector.dispatch(|| blend(words, x, y, affine, line));
    }

    /// What chroma adds to each primary, spread to every pixel.
    fn tint(&mut self, chroma: [Component<'_>; 2], x: &Taps, y: RowTap, f: Factors) {
        let words = &mut self.words[..x.len()];
        let [_, us, vs] = &mut self.lines;
        for (component, line) in chroma.into_iter().zip([&mut *us, &mut *vs]) {
            component.pick(x, y, words);
            let line = &mut line[..x.len()];
            self.vector
                .dispatch(|| blend(words, x, y, (1.0, -128.0), line));
        }
        let (us, vs) = (&us[..x.len()], &vs[..x.len()]);
        let [red, green, blue] = &mut self.tint;
        self.vector.dispatch(|| {
            spread(us, vs, |_, v| f.rv * v, red);
            spread(us, vs, |u, v| f.gu * u + f.gv * v, green);
            spread(us, vs, |u, _| f.bu * u, blue);
        });
    }

    /// One primary of a row, from the light and the tint that it has.
    fn colour(&self, colour: usize, (gain, bias): (f32, f32), out: &mut [f32]) {
        let (line, tint) = (&self.lines[0][..out.len()], &self.tint[colour][..out.len()]);
        self.vector.dispatch(|| {
            for ((out, luma), tint) in out.iter_mut().zip(line).zip(tint) {
                *out = (luma + tint).clamp(0.0, 255.0) * gain + bias;
            }
        });
    }
}

/// What two rows of chroma come to, each twice.
#[inline(always)]
fn spread(us: &[f32], vs: &[f32], sum: impl Fn(f32, f32) -> f32, out: &mut [f32]) {
    let (pairs, _) = out.as_chunks_mut::<2>();
    for ((pair, u), v) in pairs.iter_mut().zip(us).zip(vs) {
        *pair = [sum(*u, *v); 2];
    }
}

fn component<'a>(picture: &Picture<'a>, plane: usize, offset: usize, step: usize) -> Component<'a> {
    let (row, _) = (picture.format).plane_size(plane, picture.width, picture.height);
    Component {
        data: picture.planes[plane].data,
        stride: picture.planes[plane].stride,
        row,
        offset,
        step,
    }
}

/// The part of output row `i` that the picture covers, in the plane of `colour` (0 red, 1 green, 2 blue), and what is
/// done to its values.
fn row_of<'t>(
    spec: &InputSpec,
    affine: [(f32, f32); 3],
    tensor: &'t mut [f32],
    [left, top, w, _]: [u32; 4],
    colour: usize,
    i: usize,
) -> (&'t mut [f32], (f32, f32)) {
    let plane = match spec.colour {
        ColourOrder::Rgb => colour,
        ColourOrder::Bgr => 2 - colour,
    };
    let (in_w, in_h) = (spec.size.0 as usize, spec.size.1 as usize);
    let from = (plane * in_h + top as usize + i) * in_w + left as usize;
    (&mut tensor[from..from + w as usize], affine[plane])
}

#[cfg(test)]
#[path = "preprocess_tests.rs"]
mod tests;
