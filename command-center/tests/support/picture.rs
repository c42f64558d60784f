//! A picture of a street as a JPEG, with a box around somebody; simple, and no two seeds alike.

use image::{Rgb, RgbImage, codecs::jpeg::JpegEncoder};

const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;

fn fill(image: &mut RgbImage, x: [f32; 2], y: [f32; 2], colour: [u8; 3]) {
    let column = |f: f32| (f.clamp(0.0, 1.0) * WIDTH as f32) as u32;
    let row = |f: f32| (f.clamp(0.0, 1.0) * HEIGHT as f32) as u32;
    for y in row(y[0])..row(y[1]) {
        for x in column(x[0])..column(x[1]) {
            image.put_pixel(x, y, Rgb(colour));
        }
    }
}

/// A street at dusk; `place` is x, y, width and height of the figure, from 0 to 1.
pub fn street(seed: u32, place: [f32; 4]) -> Vec<u8> {
    let mut image = RgbImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let noise = (x.wrapping_mul(73) ^ y.wrapping_mul(151) ^ seed.wrapping_mul(977)) % 7;
        let shade = if y < 300 {
            52 + y / 10
        } else {
            60 + (y - 300) / 14
        } + noise;
        let shade = u8::try_from(shade.min(255)).unwrap();
        Rgb([shade, shade + 4, shade + 14])
    });
    for i in 0..7_u8 {
        let left = 0.02 + f32::from(i) * 0.145;
        let top = 0.08 + f32::from((i * 3 + u8::try_from(seed).unwrap()) % 5) * 0.035;
        fill(
            &mut image,
            [left, left + 0.12],
            [top, 0.41],
            [44 + i * 4, 48 + i * 3, 60],
        );
        for window in 0..8_u8 {
            let (x, y) = (
                left + 0.015 + f32::from(window % 4) * 0.026,
                top + 0.04 + f32::from(window / 4) * 0.09,
            );
            fill(&mut image, [x, x + 0.014], [y, y + 0.045], [196, 174, 112]);
        }
    }
    for i in 0..9_u8 {
        let left = f32::from(i) * 0.125;
        fill(
            &mut image,
            [left, left + 0.06],
            [0.72, 0.735],
            [205, 205, 196],
        );
    }
    let [x, y, width, height] = place;
    fill(
        &mut image,
        [x + width * 0.36, x + width * 0.64],
        [y + height * 0.03, y + height * 0.2],
        [206, 164, 134],
    );
    fill(
        &mut image,
        [x + width * 0.24, x + width * 0.76],
        [y + height * 0.2, y + height * 0.6],
        [142, 50, 56],
    );
    fill(
        &mut image,
        [x + width * 0.28, x + width * 0.48],
        [y + height * 0.6, y + height * 0.97],
        [36, 42, 58],
    );
    fill(
        &mut image,
        [x + width * 0.54, x + width * 0.74],
        [y + height * 0.6, y + height * 0.97],
        [36, 42, 58],
    );
    let (edge, green) = (0.0025, [88, 224, 150]);
    fill(&mut image, [x, x + width], [y, y + edge * 1.8], green);
    fill(
        &mut image,
        [x, x + width],
        [y + height - edge * 1.8, y + height],
        green,
    );
    fill(&mut image, [x, x + edge], [y, y + height], green);
    fill(
        &mut image,
        [x + width - edge, x + width],
        [y, y + height],
        green,
    );
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, 82)
        .encode_image(&image)
        .unwrap();
    jpeg
}
