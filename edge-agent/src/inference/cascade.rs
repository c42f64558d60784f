//! Second models of one camera: its analysis wishes for looks at tracks, the worker that looks at the next frame anyway
//! fulfils them, and the analysis takes the answers before the frame after that.
//!
//! Looks are part of the camera's turn, after its frame has been handed on: no decision waits for them, and they are charged
//! to the camera that wants them. Which tracks are looked at, and how often, is `analytics::attributes`' matter.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use analytics::{
    attributes::{Answered, Wish},
    detection::Detection,
    geometry::Rect,
};

use super::model::{Model, ModelError};
use crate::camera::Frame;

/// A detection shows the track that is wished for where their boxes overlap by so much: between them lies one frame.
const SAME: f32 = 0.3;

/// What goes to and fro between one camera's analysis and its inference.
#[derive(Debug, Default)]
pub struct Cascade {
    /// Names of the models, in the order of the camera's list.
    models: Vec<String>,
    board: Mutex<Board>,
}

#[derive(Debug, Default)]
struct Board {
    wishes: Vec<Wish>,
    answers: Vec<Answered>,
}

impl Cascade {
    /// With these models, by name.
    pub fn new(models: Vec<String>) -> Cascade {
        Cascade {
            models,
            board: Mutex::default(),
        }
    }

    /// Replaces what is wished for: what was not fulfilled is wished for again, or no longer.
    pub fn wish(&self, wishes: Vec<Wish>) {
        self.board().wishes = wishes;
    }

    /// What has been answered since the last call.
    pub fn take_answers(&self) -> Vec<Answered> {
        std::mem::take(&mut self.board().answers)
    }

    /// Fulfils the wishes on a frame that shows `detections`, with the models of this thread; a track that is not seen in
    /// it has to wait. Gives how many looks there were.
    ///
    /// # Errors
    /// A fault of the library, or a model that is not loaded; the other wishes are dropped.
    pub fn look(
        &self,
        models: &mut BTreeMap<String, Model>,
        frame: &Frame,
        detections: &[Detection],
    ) -> Result<u64, ModelError> {
        let wishes = std::mem::take(&mut self.board().wishes);
        let mut looks = 0;
        for wish in wishes {
            let Some(rect) = shown(&wish, detections) else {
                continue;
            };
            let name = self.models.get(wish.cascade).map_or("", String::as_str);
            let model = models.get_mut(name).ok_or_else(|| ModelError::Run {
                name: name.to_owned(),
                message: "not loaded".to_owned(),
            })?;
            looks += 1;
            if let Some(answer) = model.look_at(&frame.picture(), rect)? {
                self.board().answers.push(Answered {
                    cascade: wish.cascade,
                    track: wish.track,
                    answer,
                });
            }
        }
        Ok(looks)
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the frame shows the track.
fn shown(wish: &Wish, detections: &[Detection]) -> Option<Rect> {
    let overlaps = detections.iter().map(|det| (det.rect.iou(&wish.rect), det));
    let (overlap, best) = overlaps.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (overlap >= SAME).then_some(best.rect)
}

#[cfg(test)]
mod tests {
    use analytics::{detection::ClassId, track::TrackId};

    use super::*;

    fn detection(x: f32) -> Detection {
        Detection {
            class: ClassId(0),
            score: 0.9,
            rect: Rect {
                x,
                y: 0.2,
                w: 0.1,
                h: 0.3,
            },
        }
    }

    #[test]
    fn a_track_is_looked_at_where_it_is_now() {
        let wish = Wish {
            cascade: 0,
            track: TrackId(1),
            rect: detection(0.4).rect,
        };
        let seen = [detection(0.1), detection(0.43), detection(0.48)];
        assert_eq!(shown(&wish, &seen), Some(seen[1].rect));
        assert_eq!(shown(&wish, &seen[..1]), None);
    }

    #[test]
    fn a_model_that_is_not_there_is_named() {
        let cascade = Cascade::new(vec!["plates".to_owned()]);
        cascade.wish(vec![Wish {
            cascade: 0,
            track: TrackId(1),
            rect: detection(0.4).rect,
        }]);
        let stamps = crate::camera::Stamps {
            at: std::time::Duration::ZERO,
            capture: None,
            arrival: jiff::Timestamp::UNIX_EPOCH,
        };
        let frame = Frame::rgb((2, 2), vec![0; 12], stamps).expect("whole");
        let refused = cascade.look(&mut BTreeMap::new(), &frame, &[detection(0.4)]);
        let text = refused.expect_err("there is none").to_string();
        assert_eq!(text, "model plates: not loaded");
        let again = cascade.look(&mut BTreeMap::new(), &frame, &[detection(0.4)]);
        assert_eq!(again.expect("nothing is wished for any more"), 0);
    }
}
