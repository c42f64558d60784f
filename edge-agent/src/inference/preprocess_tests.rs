//! The preprocessor against a slow one that computes every value by itself in `f64`.

use proptest::prelude::*;

use super::*;
use crate::camera::picture::{Colour, Matrix, Plane, Range};

/// A picture that owns its planes, with padded rows.
struct Owned {
    size: (u32, u32),
    format: Format,
    planes: Vec<(Vec<u8>, usize)>,
    colour: Colour,
}

impl Owned {
    fn noise(size: (u32, u32), format: Format, colour: Colour, seed: u64) -> Owned {
        let mut state = seed | 1;
        let planes = (0..format.planes())
            .map(|plane| {
                let (row, rows) = format.plane_size(plane, size.0, size.1);
                let stride = row + 5;
                let bytes = (0..stride * rows)
                    .map(|_| {
                        state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
                        (state >> 56) as u8
                    })
                    .collect();
                (bytes, stride)
            })
            .collect();
        Owned {
            size,
            format,
            planes,
            colour,
        }
    }

    fn view(&self) -> Picture<'_> {
        let mut planes = [Plane::NONE; 3];
        for (view, (data, stride)) in planes.iter_mut().zip(&self.planes) {
            *view = Plane {
                data,
                stride: *stride,
            };
        }
        Picture::new(self.size, self.format, planes, self.colour).expect("planes are long enough")
    }
}

/// Bilinear sample of a component at output position `(i, j)` of `out`, by the textbook.
fn sample(
    at: impl Fn(u32, u32) -> u8,
    region: [u32; 4],
    out: (u32, u32),
    (i, j): (u32, u32),
) -> f64 {
    let [x0, y0, w, h] = region;
    let axis = |i: u32, length: u32, out: u32| {
        let at = (f64::from(i) + 0.5) * f64::from(length) / f64::from(out) - 0.5;
        let at = at.clamp(0.0, f64::from(length - 1));
        let low = at.floor();
        let high = (low + 1.0).min(f64::from(length - 1));
        (low as u32, high as u32, at - low)
    };
    let (xa, xb, fx) = axis(i, w, out.0);
    let (ya, yb, fy) = axis(j, h, out.1);
    let value = |x: u32, y: u32| f64::from(at(x0 + x, y0 + y));
    let top = value(xa, ya) * (1.0 - fx) + value(xb, ya) * fx;
    let bottom = value(xa, yb) * (1.0 - fx) + value(xb, yb) * fx;
    top * (1.0 - fy) + bottom * fy
}

/// Red, green and blue at output position `(i, j)` of a scaled picture of size `out`.
fn reference(picture: &Owned, r: Region, out: (u32, u32), (i, j): (u32, u32)) -> [f64; 3] {
    let byte = |plane: usize, x: usize, y: u32| {
        let (data, stride) = &picture.planes[plane];
        data[stride * y as usize + x]
    };
    let full = [r.x, r.y, r.width, r.height];
    if picture.format == Format::Rgb {
        return [0, 1, 2].map(|c| sample(|x, y| byte(0, x as usize * 3 + c, y), full, out, (i, j)));
    }
    let half = [r.x / 2, r.y / 2, r.width.div_ceil(2), r.height.div_ceil(2)];
    let half_out = (out.0.div_ceil(2), out.1.div_ceil(2));
    let chroma = |k: usize| match picture.format {
        Format::I420 => sample(
            |x, y| byte(k + 1, x as usize, y),
            half,
            half_out,
            (i / 2, j / 2),
        ),
        Format::Nv12 => sample(
            |x, y| byte(1, x as usize * 2 + k, y),
            half,
            half_out,
            (i / 2, j / 2),
        ),
        _ => 128.0,
    };
    let luma = sample(|x, y| byte(0, x as usize, y), full, out, (i, j));
    let (u, v) = (chroma(0) - 128.0, chroma(1) - 128.0);
    let f = picture.colour.factors();
    let luma = (luma - f64::from(f.y0)) * f64::from(f.y);
    [
        luma + f64::from(f.rv) * v,
        luma + f64::from(f.gu) * u + f64::from(f.gv) * v,
        luma + f64::from(f.bu) * u,
    ]
    .map(|value| value.clamp(0.0, 255.0))
}

fn spec(size: (u32, u32), fit: Fitting, colour: ColourOrder) -> InputSpec {
    InputSpec {
        size,
        colour,
        fit,
        pad: 114.0,
        scale: 1.0 / 255.0,
        mean: [0.1, 0.2, 0.3],
        std: [0.5, 0.25, 2.0],
    }
}

/// Largest difference to the reference in code values, padding included.
fn worst(picture: &Owned, region: Region, spec: &InputSpec) -> f64 {
    let mut tensor = vec![f32::NAN; spec.len()];
    let fit = Preprocessor::new(spec.clone()).run(&picture.view(), region, &mut tensor);
    let (in_w, in_h) = spec.size;
    let (left, top) = (fit.offset.0 as u32, fit.offset.1 as u32);
    let w = (fit.scale.0 * region.width as f32).round() as u32;
    let h = (fit.scale.1 * region.height as f32).round() as u32;
    let mut worst = 0.0_f64;
    for y in 0..in_h {
        for x in 0..in_w {
            let inside = (left..left + w).contains(&x) && (top..top + h).contains(&y);
            let mut expected = [f64::from(spec.pad); 3];
            if inside {
                expected = reference(picture, region, (w, h), (x - left, y - top));
            }
            if spec.colour == ColourOrder::Bgr {
                expected.reverse();
            }
            for (c, expected) in expected.into_iter().enumerate() {
                let got = f64::from(tensor[((c as u32 * in_h + y) * in_w + x) as usize]);
                let value = (got * f64::from(spec.std[c]) + f64::from(spec.mean[c]))
                    / f64::from(spec.scale);
                let difference = (value - expected).abs();
                worst = worst.max(if difference.is_nan() {
                    f64::INFINITY
                } else {
                    difference
                });
            }
        }
    }
    worst
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn every_value_is_within_one_code_value_of_the_reference(
        width in 1u32..90, height in 1u32..70,
        in_w in 1u32..6, in_h in 1u32..6,
        which in 0usize..4, fit in 0usize..3, bgr: bool, bt709: bool, full: bool, seed: u64,
    ) {
        let format = [Format::I420, Format::Nv12, Format::Rgb, Format::Gray][which];
        let colour = Colour {
            matrix: if bt709 { Matrix::Bt709 } else { Matrix::Bt601 },
            range: if full { Range::Full } else { Range::Limited },
        };
        let picture = Owned::noise((width, height), format, colour, seed);
        let fit = [Fitting::LetterboxTopLeft, Fitting::LetterboxCentre, Fitting::Stretch][fit];
        let order = if bgr { ColourOrder::Bgr } else { ColourOrder::Rgb };
        let spec = spec((in_w * 8, in_h * 8), fit, order);
        let difference = worst(&picture, Region::whole(width, height), &spec);
        prop_assert!(difference < 1.0, "off by {difference} code values");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]
    #[test]
    fn a_region_at_any_place_is_within_one_code_value_of_the_reference(
        x in 0u32..20, y in 0u32..15, width in 1u32..60, height in 1u32..50, which in 0usize..4, seed: u64,
    ) {
        let format = [Format::I420, Format::Nv12, Format::Rgb, Format::Gray][which];
        let picture = Owned::noise((2 * x + width + 3, 2 * y + height + 1), format, Colour::unsaid(64), seed);
        let spec = spec((40, 24), Fitting::LetterboxCentre, ColourOrder::Bgr);
        let region = Region { x: 2 * x, y: 2 * y, width, height };
        let difference = worst(&picture, region, &spec);
        prop_assert!(difference < 1.0, "off by {difference} code values");
    }
}

#[test]
fn a_region_is_sampled_from_its_own_pixels_alone() {
    let colour = Colour::unsaid(64);
    let picture = Owned::noise((96, 64), Format::I420, colour, 7);
    let region = Region {
        x: 32,
        y: 10,
        width: 41,
        height: 33,
    };
    let spec = spec((32, 32), Fitting::LetterboxCentre, ColourOrder::Rgb);
    let difference = worst(&picture, region, &spec);
    assert!(difference < 1.0, "off by {difference} code values");
}

#[test]
fn the_fit_of_a_wide_picture_covers_the_width() {
    let spec = spec((416, 416), Fitting::LetterboxTopLeft, ColourOrder::Bgr);
    assert_eq!(spec.place((1920, 1080)), [0, 0, 416, 234]);
    assert_eq!(spec.place((640, 360)), [0, 0, 416, 234]);
    assert_eq!(spec.place((320, 240)), [0, 0, 416, 312]);
}

#[test]
fn alternating_sizes_in_one_tensor_give_the_same_as_each_alone() {
    let colour = Colour::unsaid(64);
    let spec = spec((64, 64), Fitting::LetterboxTopLeft, ColourOrder::Rgb);
    let pictures = [(80, 40), (30, 60)].map(|size| Owned::noise(size, Format::Nv12, colour, 3));
    let mut shared = Preprocessor::new(spec.clone());
    let (mut tensor, mut padding) = (vec![0.0; spec.len()], Padding::default());
    for _ in 0..2 {
        for picture in &pictures {
            let region = Region::whole(picture.size.0, picture.size.1);
            let mut alone = vec![0.0; spec.len()];
            shared.run_again(&picture.view(), region, &mut tensor, &mut padding);
            Preprocessor::new(spec.clone()).run(&picture.view(), region, &mut alone);
            assert_eq!(tensor, alone);
        }
    }
}
