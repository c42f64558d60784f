//! How a picture lies in a model's input, and the way back.

use crate::geometry::{Point, Rect};

/// How a picture was laid into a model's input: maps input pixels back to the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Width and height of the model's input.
    pub input: (u32, u32),
    /// Input pixels a pixel of the picture, per axis.
    pub scale: (f32, f32),
    /// Where the picture's upper left corner lies in the input, in input pixels.
    pub offset: (f32, f32),
    /// Width and height of the picture.
    pub picture: (u32, u32),
}

impl Fit {
    /// One scale for both axes, the picture in the upper left corner, the rest padded (YOLOX).
    pub fn letterbox_top_left(picture: (u32, u32), input: (u32, u32)) -> Fit {
        let scale = (share(input.0, picture.0)).min(share(input.1, picture.1));
        Fit {
            input,
            scale: (scale, scale),
            offset: (0.0, 0.0),
            picture,
        }
    }

    /// One scale for both axes, the picture in the middle, padded on two sides (YOLOv8, NanoDet).
    pub fn letterbox_centre(picture: (u32, u32), input: (u32, u32)) -> Fit {
        let fit = Fit::letterbox_top_left(picture, input);
        let margin = |input: u32, picture: u32, scale: f32| {
            ((px(input) - (px(picture) * scale).round()) / 2.0).floor()
        };
        Fit {
            offset: (
                margin(input.0, picture.0, fit.scale.0),
                margin(input.1, picture.1, fit.scale.1),
            ),
            ..fit
        }
    }

    /// Each axis scaled to fill the input (PicoDet, DETR and its kin).
    pub fn stretch(picture: (u32, u32), input: (u32, u32)) -> Fit {
        Fit {
            input,
            scale: (share(input.0, picture.0), share(input.1, picture.1)),
            offset: (0.0, 0.0),
            picture,
        }
    }

    /// The box between two corners in input pixels, normalised to the picture and cut at its edges.
    pub fn to_picture(&self, x0: f32, y0: f32, x1: f32, y1: f32) -> Rect {
        let x = |v: f32| ((v - self.offset.0) / self.scale.0 / px(self.picture.0)).clamp(0.0, 1.0);
        let y = |v: f32| ((v - self.offset.1) / self.scale.1 / px(self.picture.1)).clamp(0.0, 1.0);
        Rect::between(Point::new(x(x0), y(y0)), Point::new(x(x1), y(y1)))
    }
}

fn share(input: u32, picture: u32) -> f32 {
    px(input) / px(picture.max(1))
}

#[expect(
    clippy::cast_precision_loss,
    reason = "picture sides are far below 2^24"
)]
fn px(side: u32) -> f32 {
    side as f32
}
