//! Painter's order: what is drawn before what. Draws nothing.

use crate::draw::Bounds;
use crate::space::V2;

/// Something to draw, with the ground it takes.
pub(super) struct Item<T> {
    pub(super) footprint: [V2; 4],
    /// Of the footprint's middle, metres.
    pub(super) depth: f32,
    pub(super) bounds: Bounds,
    pub(super) what: T,
}

/// Painter's order: of those left, always the farthest that hides none of the others left.
pub(super) fn far_to_near<T>(mut items: Vec<Item<T>>, eye: V2) -> Vec<Item<T>> {
    items.sort_by(|a, b| b.depth.total_cmp(&a.depth));
    let mut out = Vec::with_capacity(items.len());
    while !items.is_empty() {
        let free = |i: usize| {
            !items.iter().enumerate().any(|(j, other)| {
                j != i
                    && items[i].bounds.meets(&other.bounds)
                    && before(&items[i].footprint, &other.footprint, eye)
            })
        };
        // A ring of things that hide each other has no right order: take the farthest.
        let next = (0..items.len()).find(|&i| free(i)).unwrap_or(0);
        out.push(items.remove(next));
    }
    out
}

/// Whether convex ground `a` surely lies between `eye` and convex ground `b`: an edge line of one of them has
/// `a` and the eye on one side and `b` on the other.
fn before(a: &[V2; 4], b: &[V2; 4], eye: V2) -> bool {
    let splits = |shape: &[V2; 4], near: &[V2; 4], far: &[V2; 4]| {
        (0..4).any(|i| {
            let (p, q) = (shape[i], shape[(i + 1) % 4]);
            let side = |v: V2| (q - p).cross(v - p);
            let eye_side = side(eye);
            eye_side.abs() > 1e-4
                && near.iter().all(|&v| side(v) * eye_side >= -1e-3)
                && far.iter().all(|&v| side(v) * eye_side <= 1e-3)
        })
    };
    splits(a, a, b) || splits(b, a, b)
}
