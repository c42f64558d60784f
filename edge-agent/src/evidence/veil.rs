//! The one way from a camera's picture to pixels that may leave the node. What is encoded is asked of a [`Veiled`]; it gives
//! nothing but masked pixels, at whatever size, and nobody gets the picture back out of it.

use crate::{
    camera::picture::Picture,
    inference::preprocess::{ColourOrder, Fitting, InputSpec, Preprocessor, Region},
};

use super::{bystanders::Sight, privacy::Privacy};

/// A picture that shows what it may show.
#[derive(Debug)]
pub struct Veiled<'a> {
    picture: Picture<'a>,
    veil: Option<(&'a Privacy, &'a Sight)>,
}

impl Privacy {
    /// The picture as it may leave: `sight` says who is in it.
    pub fn veil<'a>(&'a self, picture: Picture<'a>, sight: &'a Sight) -> Veiled<'a> {
        Veiled {
            picture,
            veil: Some((self, sight)),
        }
    }
}

impl<'a> Veiled<'a> {
    /// A picture of a clip that somebody has before them anyway, for an evaluator's report. Nothing of a camera in service
    /// comes this way, which the tidy test watches over.
    pub(crate) fn bare(picture: Picture<'a>) -> Veiled<'a> {
        Veiled {
            picture,
            veil: None,
        }
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.picture.width, self.picture.height)
    }

    /// Packed RGB of another size, which must not be larger, with what `draw` draws. Masked after scaling: what scaling mixes
    /// stays hidden; and over what is drawn: inside a mask there is nothing to see.
    pub fn rgb(&self, size: (u32, u32), draw: impl FnOnce(&mut [u8])) -> Vec<u8> {
        let mut rgb = scaled_rgb(&self.picture, size);
        if let Some((privacy, sight)) = self.veil {
            privacy.apply(&mut rgb, size, &sight.people, &sight.kept);
        }
        draw(&mut rgb);
        if let Some((privacy, _)) = self.veil {
            privacy.burn_masks(&mut rgb, size);
        }
        rgb
    }
}

/// Rows of the picture that are scaled at a time: in floating point a whole one would take 11 MB.
const STRIP: u32 = 45;

/// The picture as packed RGB of another size.
fn scaled_rgb(picture: &Picture<'_>, size: (u32, u32)) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(size.0 as usize * size.1 as usize * 3);
    // Source rows of so many target rows; exact where the division is, within a row elsewhere.
    let source = |row: u32| {
        let row = u64::from(picture.height) * u64::from(row) / u64::from(size.1);
        u32::try_from(row).unwrap_or(picture.height)
    };
    for top in (0..size.1).step_by(STRIP as usize) {
        let bottom = (top + STRIP).min(size.1);
        let (from, to) = (source(top), source(bottom));
        let region = Region {
            y: from,
            height: (to - from).max(1),
            ..Region::whole(picture.width, picture.height)
        };
        rgb.extend(strip_rgb(picture, region, (size.0, bottom - top)));
    }
    rgb
}

fn strip_rgb(
    picture: &Picture<'_>,
    region: Region,
    size: (u32, u32),
) -> impl Iterator<Item = u8> + use<> {
    let spec = InputSpec {
        size,
        colour: ColourOrder::Rgb,
        fit: Fitting::Stretch,
        pad: 0.0,
        scale: 1.0,
        mean: [0.0; 3],
        std: [1.0; 3],
    };
    let mut planes = vec![0.0; spec.len()];
    Preprocessor::new(spec).run(picture, region, &mut planes);
    let pixels = planes.len() / 3;
    (0..3 * pixels).map(move |i| planes[i % 3 * pixels + i / 3].round() as u8)
}
