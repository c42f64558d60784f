//! Pictures of a clip at given media times, for reports.

use std::path::Path;

use analytics::geometry::Rect;

use crate::{
    camera::{file::Clip, gate::FrameGate},
    evidence::{snapshot::snapshot_within, veil::Veiled},
};

/// Width of a report's pictures in pixels.
const WIDTH: u32 = 360;

/// Longest picture in bytes.
const BYTES: usize = 24_000;

/// A picture that is wanted.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Media time in seconds.
    pub(super) at_s: f64,
    /// Boxes to draw.
    pub(super) boxes: Vec<Rect>,
}

/// JPEGs of the first frames at or after the wanted times, in the order of `wanted`; nothing where the clip has none.
pub(super) fn pictures(clip: &Path, wanted: &[Wanted]) -> Vec<Option<Vec<u8>>> {
    let mut found = vec![None; wanted.len()];
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].at_s.total_cmp(&wanted[*b].at_s));
    let mut order = order.into_iter().peekable();
    let Ok(mut clip) = Clip::open(clip, FrameGate::new(f32::INFINITY)) else {
        return found;
    };
    let mut last = None;
    while order.peek().is_some() {
        let Ok(Some(frame)) = clip.next_frame() else {
            break;
        };
        let at = frame.stamps().at.as_secs_f64();
        while let Some(i) = order.next_if(|i| wanted[*i].at_s <= at + 1e-6) {
            found[i] = jpeg(&frame, &wanted[i].boxes);
        }
        last = Some(frame);
    }
    if let Some(frame) = last {
        for i in order {
            found[i] = jpeg(&frame, &wanted[i].boxes);
        }
    }
    found
}

fn jpeg(frame: &crate::camera::Frame, boxes: &[Rect]) -> Option<Vec<u8>> {
    let snapshot = snapshot_within(&Veiled::bare(frame.picture()), boxes, WIDTH, BYTES);
    snapshot.ok().map(|snapshot| snapshot.jpeg)
}
