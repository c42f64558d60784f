//! From a decoder's planes to a model's input tensor: scale, convert to RGB, normalise, in one pass over the output.
//!
//! Each plane is sampled bilinearly (two taps on either axis, pixel centres aligned, as OpenCV's `INTER_LINEAR`, which
//! the detectors in the catalogue were trained with) only where the output needs it, in `f32` without rounding between
//! the steps: a 1080p picture is never converted whole. Luma is sampled on the output's grid, chroma on every second
//! pixel of it. Nothing is allocated while pictures of known sizes flow.

use analytics::decoder::Fit;

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

/// A sample between two neighbours.
#[derive(Clone, Copy, Debug)]
struct Tap {
    first: u32,
    second: u32,
    fraction: f32,
}

/// Taps that scale `length` samples from `start` to `out` samples, centres aligned, edges repeated.
fn taps(start: u32, length: u32, out: u32) -> Vec<Tap> {
    let step = f64::from(length) / f64::from(out);
    let last = f64::from(length - 1);
    (0..out)
        .map(|i| {
            let at = ((f64::from(i) + 0.5) * step - 0.5).clamp(0.0, last);
            let first = at as u32;
            Tap {
                first: start + first,
                second: start + (first + 1).min(length - 1),
                fraction: (at - f64::from(first)) as f32,
            }
        })
        .collect()
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
    x: Vec<Tap>,
    y: Vec<Tap>,
    chroma_x: Vec<Tap>,
    chroma_y: Vec<Tap>,
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
        let chroma = |start: u32, length: u32, out: u32| {
            taps(start / 2, length.div_ceil(2), out.div_ceil(2))
        };
        Plan {
            geometry,
            place,
            x: taps(x, width, w),
            y: taps(y, height, h),
            chroma_x: chroma(x, width, w),
            chroma_y: chroma(y, height, h),
        }
    }
}

/// Two source rows of one plane, already scaled horizontally; neighbours in the output often share them.
#[derive(Default)]
struct RowPair {
    rows: [Vec<f32>; 2],
    held: [Option<u32>; 2],
}

/// The samples of one colour component: where they begin in a row and how far apart they are.
#[derive(Clone, Copy)]
struct Component<'a> {
    data: &'a [u8],
    stride: usize,
    offset: usize,
    step: usize,
}

impl RowPair {
    fn reset(&mut self, width: usize) {
        self.held = [None; 2];
        for row in &mut self.rows {
            row.clear();
            row.resize(width, 0.0);
        }
    }

    /// Blends the two rows that `y` asks for into `out`.
    fn sample(&mut self, component: Component<'_>, x: &[Tap], y: Tap, out: &mut [f32]) {
        if self.held[0] != Some(y.first) && self.held[1] == Some(y.first) {
            self.rows.swap(0, 1);
            self.held.swap(0, 1);
        }
        self.fill(0, component, x, y.first);
        self.fill(1, component, x, y.second);
        let [first, second] = &self.rows;
        for ((out, a), b) in out.iter_mut().zip(first).zip(second) {
            *out = a + (b - a) * y.fraction;
        }
    }

    fn fill(&mut self, which: usize, component: Component<'_>, x: &[Tap], y: u32) {
        if self.held[which] == Some(y) {
            return;
        }
        self.held[which] = Some(y);
        let row = &component.data[component.stride * y as usize + component.offset..];
        let step = component.step;
        for (out, tap) in self.rows[which].iter_mut().zip(x) {
            let a = f32::from(row[tap.first as usize * step]);
            let b = f32::from(row[tap.second as usize * step]);
            *out = a + (b - a) * tap.fraction;
        }
    }
}

/// Turns pictures into input tensors of one model.
pub struct Preprocessor {
    spec: InputSpec,
    affine: [(f32, f32); 3],
    plans: Vec<Plan>,
    pairs: [RowPair; 3],
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
            pairs: Default::default(),
            lines: Default::default(),
            tint: Default::default(),
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
        assert_eq!(tensor.len(), self.spec.len(), "length of the input tensor");
        let plan = self.plan(Geometry {
            picture: (picture.width, picture.height),
            region,
        });
        let plan = self.plans.swap_remove(plan);
        self.pad(plan.place, tensor);
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
        let [_, _, w, _] = plan.place;
        for (pair, line) in self.pairs.iter_mut().zip(&mut self.lines) {
            pair.reset(w as usize);
            line.resize(w as usize, 0.0);
        }
        for (i, y) in plan.y.iter().enumerate() {
            for colour in 0..3 {
                let component = component(picture, 0, colour, 3);
                let line = &mut self.lines[colour][..w as usize];
                self.pairs[colour].sample(component, &plan.x, *y, line);
            }
            for colour in 0..3 {
                let line = &self.lines[colour];
                let (out, (gain, bias)) =
                    row_of(&self.spec, self.affine, tensor, plan.place, colour, i);
                for (out, value) in out.iter_mut().zip(line) {
                    *out = value * gain + bias;
                }
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
        let w = plan.place[2] as usize;
        let half = w.div_ceil(2);
        let factors = picture.colour.factors();
        self.pairs[0].reset(w);
        self.pairs[1].reset(half);
        self.pairs[2].reset(half);
        for (line, width) in self.lines.iter_mut().zip([w, half, half]) {
            line.resize(width, 0.0);
        }
        for tint in &mut self.tint {
            tint.clear();
            tint.resize(w, 0.0);
        }
        let luma = component(picture, 0, 0, 1);
        for (i, y) in plan.y.iter().enumerate() {
            let line = &mut self.lines[0][..w];
            self.pairs[0].sample(luma, &plan.x, *y, line);
            if let Some(chroma) = chroma.filter(|_| i % 2 == 0) {
                for (k, component) in chroma.into_iter().enumerate() {
                    let line = &mut self.lines[k + 1][..half];
                    self.pairs[k + 1].sample(component, &plan.chroma_x, plan.chroma_y[i / 2], line);
                }
                self.mix(factors);
            }
            let line = &self.lines[0][..w];
            for colour in 0..3 {
                let tint = &self.tint[colour][..w];
                let (out, (gain, bias)) =
                    row_of(&self.spec, self.affine, tensor, plan.place, colour, i);
                for ((out, luma), tint) in out.iter_mut().zip(line).zip(tint) {
                    let value = ((luma - factors.y0) * factors.y + tint).clamp(0.0, 255.0);
                    *out = value * gain + bias;
                }
            }
        }
    }

    /// What the current chroma lines add to each primary, spread to every pixel.
    fn mix(&mut self, f: Factors) {
        let [_, us, vs] = &self.lines;
        let [red, green, blue] = &mut self.tint;
        let spread = red
            .chunks_mut(2)
            .zip(green.chunks_mut(2))
            .zip(blue.chunks_mut(2));
        for (((red, green), blue), (u, v)) in spread.zip(us.iter().zip(vs)) {
            let (u, v) = (u - 128.0, v - 128.0);
            red.fill(f.rv * v);
            green.fill(f.gu * u + f.gv * v);
            blue.fill(f.bu * u);
        }
    }
}

fn component<'a>(picture: &Picture<'a>, plane: usize, offset: usize, step: usize) -> Component<'a> {
    Component {
        data: picture.planes[plane].data,
        stride: picture.planes[plane].stride,
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
