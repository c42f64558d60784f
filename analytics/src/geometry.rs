//! Points, boxes, lines and polygons in normalised picture coordinates: 0..1 on both axes, origin at the top left,
//! x to the right, y down.

/// A point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// To the right.
    pub x: f32,
    /// Down.
    pub y: f32,
}

/// An axis-aligned box. Width and height are not negative; parts may lie outside the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width.
    pub w: f32,
    /// Height.
    pub h: f32,
}

impl Rect {
    /// Where an object in this box stands: the middle of the lower edge.
    pub fn foot(&self) -> Point {
        Point {
            x: self.x + self.w / 2.0,
            y: self.y + self.h,
        }
    }

    /// Intersection over union, 0..=1; 0 where both are empty.
    pub fn iou(&self, other: &Rect) -> f32 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        let shared = w.max(0.0) * h.max(0.0);
        let all = self.w * self.h + other.w * other.h - shared;
        if all > 0.0 { shared / all } else { 0.0 }
    }
}
