//! Which actors may be there at a moment, so that hours of traffic cost no more than what is on the street.

use super::actor::Actor;

/// Seconds of a page.
const PAGE_S: f32 = 8.0;

/// Actors by the time at which they are there.
#[derive(Clone, Debug)]
pub(super) struct Timetable(Vec<Vec<usize>>);

impl Timetable {
    pub(super) fn new(actors: &[Actor], duration_s: f32) -> Self {
        let count = (duration_s / PAGE_S) as usize + 1;
        let mut pages = vec![Vec::new(); count];
        for (i, actor) in actors.iter().enumerate() {
            let (from, until) = actor.span();
            let first = page(from);
            // Later pages than the last are asked for as the last: who comes after the end is on it.
            for page in &mut pages
                [first.min(count - 1)..=page(until).clamp(first.min(count - 1), count - 1)]
            {
                page.push(i);
            }
        }
        Self(pages)
    }

    /// Indices of all actors that may be there at `t` seconds, in order; some of them may be gone.
    pub(super) fn at(&self, t: f32) -> &[usize] {
        &self.0[page(t).min(self.0.len() - 1)]
    }
}

/// Number of the page of a moment; a float that is below nought or too large ends at the ends.
fn page(t: f32) -> usize {
    (t / PAGE_S) as usize
}
