//! What a model says about one picture.

use crate::geometry::Rect;

/// A class as an index into the label list of the model that is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassId(pub u16);

impl ClassId {
    /// Of a thing that no model has named.
    pub const OBJECT: ClassId = ClassId(u16::MAX);
}

/// One object in one picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// What it is.
    pub class: ClassId,
    /// How sure the model is, 0..=1 and finite.
    pub score: f32,
    /// Where it is.
    pub rect: Rect,
}
