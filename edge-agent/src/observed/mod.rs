//! What a camera's analysis was told, kept without a pixel: rules are asked again what they would have said, as often as somebody
//! likes and in no time.
//!
//! One observation of a clip or of the last hour serves every question about rules: another configuration beside the first
//! (`shadow`), values that do better (`tune`), a zone that is still being drawn (the preview). A question about the model, the
//! rate or the tracker's input needs the clip itself again.

mod events;
mod memory;
pub mod preview;
pub mod replay;
mod shadow;
mod source;
pub mod tap;

use std::{sync::Arc, time::Duration};

use analytics::{
    attributes::Answered, detection::Detection, look::Said, picture::Luma, track::Appearance,
};

use crate::{
    analysis::{Analysis, Decision},
    camera::{Frame, Stamps},
};

/// One thing that an analysis was told.
#[derive(Clone, Debug)]
pub enum Step {
    /// A frame.
    Frame(Look),
    /// What cascades said.
    Answered(Vec<Answered>),
    /// What models of whole pictures said.
    Said(Vec<Said>),
}

/// A frame, and what was seen in it.
#[derive(Clone, Debug)]
pub struct Look {
    /// When it was taken.
    pub stamps: Stamps,
    /// Width and height of the picture, in pixels.
    pub size: (u32, u32),
    /// Where nothing moves in it: since when.
    pub still_since: Option<Duration>,
    /// Where it was left out at first: until when.
    pub late: Option<Duration>,
    /// What was seen; nothing where the model did not look.
    pub detections: Option<Vec<Detection>>,
    /// How some of them look.
    pub appearances: Vec<Appearance>,
    /// Its luma, where a rule was to know the picture.
    pub luma: Option<Arc<Luma>>,
}

impl Look {
    /// A frame and what was seen in it; `luma` where a rule wants the picture.
    pub fn of(
        frame: &Frame,
        detections: Option<&[Detection]>,
        appearances: &[Appearance],
        luma: bool,
    ) -> Look {
        Look {
            stamps: frame.stamps(),
            size: frame.size(),
            still_since: frame.still_since(),
            late: frame.late(),
            detections: detections.map(<[Detection]>::to_vec),
            appearances: appearances.to_vec(),
            luma: luma.then(|| Arc::new(frame.luma().clone())),
        }
    }

    /// The frame as far as it is remembered: without a picture.
    fn frame(&self) -> Frame {
        let frame = Frame::remembered(self.size, self.stamps, self.luma.as_deref().cloned());
        let frame = match self.still_since {
            Some(since) => frame.still(since),
            None => frame,
        };
        match self.late {
            Some(until) => frame.left_out_until(until),
            None => frame,
        }
    }
}

impl Step {
    /// The same as it can be kept for long: without pictures, and without what objects look like.
    fn lasting(&self) -> Step {
        match self {
            Step::Frame(look) => Step::Frame(Look {
                luma: None,
                appearances: Vec::new(),
                ..look.clone()
            }),
            other => other.clone(),
        }
    }

    /// About how many bytes it takes.
    fn bytes(&self) -> usize {
        let more = match self {
            Step::Frame(look) => look
                .detections
                .as_ref()
                .map_or(0, |seen| size_of_val(seen.as_slice())),
            Step::Answered(answers) => size_of_val(answers.as_slice()),
            Step::Said(said) => size_of_val(said.as_slice()),
        };
        size_of::<Step>() + more
    }

    /// Tells an analysis of it; detections below `min_score` are not looked at.
    pub fn tell(&self, analysis: &mut Analysis, min_score: f32) -> Vec<Decision> {
        match self {
            Step::Answered(answers) => {
                analysis.answered(answers.clone());
                Vec::new()
            }
            Step::Said(said) => {
                analysis.hear(said.clone());
                Vec::new()
            }
            Step::Frame(look) => {
                // The looks that were wished for after the frame before have been taken.
                drop(analysis.wishes());
                analysis.recognise(look.appearances.clone());
                let frame = Arc::new(look.frame());
                let seen = look.detections.as_ref().map(|seen| {
                    let strong = seen.iter().filter(|one| one.score >= min_score);
                    strong.cloned().collect::<Vec<Detection>>()
                });
                match (&seen, look.still_since) {
                    (Some(seen), None) => analysis.update(frame, seen),
                    (seen, _) => analysis.update_still(frame, seen.as_deref()),
                }
            }
        }
    }
}

/// Everything that `analysis` decides when it is told all of this, its end included.
pub fn decide(steps: &[Step], analysis: &mut Analysis, min_score: f32) -> Vec<Decision> {
    let mut decisions: Vec<Decision> = (steps.iter())
        .flat_map(|step| step.tell(analysis, min_score))
        .collect();
    decisions.extend(analysis.finish());
    decisions
}
