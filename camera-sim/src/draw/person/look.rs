//! What people look like: build, skin, hair, clothes, bags.

use serde::Deserialize;

use crate::dice::Dice;
use crate::light::Rgb;

const SKIN: [Rgb; 7] = [
    Rgb::hex(0xe8bfa0),
    Rgb::hex(0xd9a67f),
    Rgb::hex(0xc98f66),
    Rgb::hex(0xb87c55),
    Rgb::hex(0x9a6243),
    Rgb::hex(0x7a4a30),
    Rgb::hex(0x553322),
];
const HAIR: [Rgb; 6] = [
    Rgb::hex(0x1d1814),
    Rgb::hex(0x2b2019),
    Rgb::hex(0x4a3423),
    Rgb::hex(0x7a5a35),
    Rgb::hex(0xb08d57),
    Rgb::hex(0x9a9a98),
];
/// Clothes as people wear them: many dark and grey ones, some bright.
const CLOTH: [Rgb; 20] = [
    Rgb::hex(0x22252b),
    Rgb::hex(0x2d3340),
    Rgb::hex(0x3c3f45),
    Rgb::hex(0x1f2f4f),
    Rgb::hex(0x34507a),
    Rgb::hex(0x5a7ca6),
    Rgb::hex(0x8d9299),
    Rgb::hex(0xc9cbc9),
    Rgb::hex(0xeceae4),
    Rgb::hex(0xe4dcc4),
    Rgb::hex(0x7d6a53),
    Rgb::hex(0x54412f),
    Rgb::hex(0xb3202c),
    Rgb::hex(0xd9542b),
    Rgb::hex(0xe8b32e),
    Rgb::hex(0x3f7f4a),
    Rgb::hex(0x2a8f8f),
    Rgb::hex(0x7a2f6a),
    Rgb::hex(0xd27a9b),
    Rgb::hex(0x6b7044),
];
const LEGS: [Rgb; 8] = [
    Rgb::hex(0x1c1e23),
    Rgb::hex(0x23304a),
    Rgb::hex(0x34486b),
    Rgb::hex(0x4b5a70),
    Rgb::hex(0x5b5348),
    Rgb::hex(0x8a7c63),
    Rgb::hex(0x6b6d70),
    Rgb::hex(0xc7bfae),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Top {
    Shirt,
    Jacket,
    Coat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bottom {
    Trousers,
    Shorts,
    Skirt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Headwear {
    ShortHair,
    LongHair,
    Cap,
    Scarf,
    Bald,
    Helmet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carried {
    Nothing,
    Backpack,
    Shoulder,
    InHand,
}

/// What one person looks like.
#[derive(Clone, Copy, Debug)]
pub struct PersonLook {
    /// Metres.
    pub height: f32,
    /// Girth, 1 = usual.
    pub build: f32,
    /// Length of thigh and of shank, parts of the height: shorter in a child.
    pub bone: f32,
    pub skin: Rgb,
    pub hair: Rgb,
    pub headwear: Headwear,
    pub top: Top,
    pub top_colour: Rgb,
    pub bottom: Bottom,
    pub bottom_colour: Rgb,
    pub shoes: Rgb,
    pub carried: Carried,
    pub bag_colour: Rgb,
}

impl PersonLook {
    /// Anybody who walks by; one in eight is a child.
    pub fn random(dice: &mut Dice) -> Self {
        if dice.chance(0.12) {
            Self::child(dice)
        } else {
            Self::adult(dice)
        }
    }

    /// Five to eleven years old: short legs, a large head, bright clothes, now and then a school bag.
    pub fn child(dice: &mut Dice) -> Self {
        let height = dice.range(0.98, 1.4);
        let look = Self::sized(dice, height);
        let bright = dice.chance(0.6);
        Self {
            build: look.build * 0.94,
            bone: 0.228,
            top: if look.top == Top::Coat {
                Top::Jacket
            } else {
                look.top
            },
            top_colour: if bright {
                dice.pick(&CLOTH[12..19]).vary(dice, 0.2)
            } else {
                look.top_colour
            },
            carried: dice.pick(&[Carried::Nothing, Carried::Nothing, Carried::Backpack]),
            ..look
        }
    }

    pub fn adult(dice: &mut Dice) -> Self {
        let height = 1.70 + 0.085 * dice.normal().clamp(-2.0, 2.2);
        Self::sized(dice, height)
    }

    fn sized(dice: &mut Dice, height: f32) -> Self {
        use {Bottom as B, Carried as C, Headwear as H, Top as T};
        Self {
            height,
            build: (1.0 + 0.13 * dice.normal()).clamp(0.78, 1.4),
            bone: 0.245,
            skin: dice.pick(&SKIN).vary(dice, 0.06),
            hair: dice.pick(&HAIR).vary(dice, 0.15),
            headwear: dice.pick(&[
                H::ShortHair,
                H::ShortHair,
                H::ShortHair,
                H::LongHair,
                H::LongHair,
                H::Cap,
                H::Scarf,
                H::Bald,
            ]),
            top: dice.pick(&[T::Shirt, T::Shirt, T::Jacket, T::Jacket, T::Coat]),
            top_colour: dice.pick(&CLOTH).vary(dice, 0.2),
            bottom: dice.pick(&[
                B::Trousers,
                B::Trousers,
                B::Trousers,
                B::Trousers,
                B::Shorts,
                B::Skirt,
            ]),
            bottom_colour: dice.pick(&LEGS).vary(dice, 0.2),
            shoes: dice.pick(&[
                Rgb::hex(0x1a1a1a),
                Rgb::hex(0x3a2a20),
                Rgb::hex(0xe0e0dd),
                Rgb::hex(0x7a7a7a),
            ]),
            carried: dice.pick(&[
                C::Nothing,
                C::Nothing,
                C::Nothing,
                C::Backpack,
                C::Shoulder,
                C::InHand,
            ]),
            bag_colour: dice.pick(&CLOTH).vary(dice, 0.2),
        }
    }
}
