//! Second models of one camera: its analysis wishes for looks at tracks, the worker that looks at the next frame anyway
//! fulfils them, and the analysis takes the answers before the frame after that.
//!
//! Looks are part of the camera's turn, after its frame has been handed on: no decision waits for them, and they are charged
//! to the camera that wants them. Which tracks are looked at, and how often, is `analytics::attributes`' matter. Models of whole
//! pictures look at their own rate.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use analytics::{
    attributes::{Answer, Answered, Wish},
    detection::Detection,
    geometry::Rect,
    look::{Said, Source, Subject},
    track::{Appearance, Sketch, worth_a_look},
};

use super::model::{Model, ModelError};
use crate::{
    camera::Frame,
    config::settings::{CascadeSettings, LikenessSettings, LookSettings},
};

/// A detection shows the track that is wished for where their boxes overlap by so much: between them lies one frame.
const SAME: f32 = 0.3;

/// Words that wait for the analysis: far more than come between two frames. Loss policy: the oldest go.
const WAITING: usize = 64;

/// A model that looks at whole pictures.
#[derive(Debug)]
struct Whole {
    model: String,
    every: Duration,
}

/// The second models of a camera as rules name them, cascades first; `labels` gives those of a model.
pub fn sources(
    cascades: &[CascadeSettings],
    looks: &[LookSettings],
    labels: impl Fn(&str) -> Vec<String>,
) -> Vec<Source> {
    let source = |id: &String, model: &String, subject, every| Source {
        id: id.clone(),
        labels: labels(model),
        subject,
        every,
    };
    let cascades = cascades
        .iter()
        .map(|one| source(&one.id, &one.model, Subject::Tracks, one.again));
    let looks = looks
        .iter()
        .map(|one| source(&one.id, &one.model, Subject::Picture, one.every));
    cascades.chain(looks).collect()
}

/// What goes to and fro between one camera's analysis and its inference.
#[derive(Debug, Default)]
pub struct Cascade {
    /// Names of the models, in the order of the camera's list.
    models: Vec<String>,
    wholes: Vec<Whole>,
    likeness: Option<LikenessSettings>,
    board: Mutex<Board>,
}

#[derive(Debug, Default)]
struct Board {
    wishes: Vec<Wish>,
    /// Tracks as the analysis knows them, where a model tells them apart.
    sketches: Vec<Sketch>,
    answers: Vec<Answered>,
    /// When each model of whole pictures is to look next.
    due: Vec<Duration>,
    said: VecDeque<Said>,
}

impl Cascade {
    /// With these models, by name.
    pub fn new(models: Vec<String>) -> Cascade {
        Cascade {
            models,
            wholes: Vec::new(),
            likeness: None,
            board: Mutex::default(),
        }
    }

    /// Of a camera with these second models.
    pub fn of(cascades: &[CascadeSettings], looks: &[LookSettings]) -> Cascade {
        let whole = |look: &LookSettings| Whole {
            model: look.model.clone(),
            every: look.every,
        };
        Cascade {
            wholes: looks.iter().map(whole).collect(),
            ..Cascade::new(cascades.iter().map(|one| one.model.clone()).collect())
        }
    }

    /// With a model that tells objects apart, if there is one.
    #[must_use]
    pub fn with_likeness(self, likeness: Option<LikenessSettings>) -> Cascade {
        Cascade { likeness, ..self }
    }

    /// Whether [`Cascade::sketch`] is of use.
    pub fn wants_sketches(&self) -> bool {
        self.likeness.is_some()
    }

    /// Replaces what is known of the tracks.
    pub fn sketch(&self, sketches: Vec<Sketch>) {
        self.board().sketches = sketches;
    }

    /// How those detections of the frame look whose tracks are in doubt, few of them: before the frame is handed on.
    ///
    /// # Errors
    /// A fault of the library, or a model that is not loaded.
    pub fn recognise(
        &self,
        models: &mut BTreeMap<String, Model>,
        frame: &Frame,
        detections: &[Detection],
    ) -> Result<Vec<Appearance>, ModelError> {
        let Some(likeness) = &self.likeness else {
            return Ok(Vec::new());
        };
        let (at, most) = (frame.stamps().at, likeness.crops_per_frame);
        let wanted = worth_a_look(&self.board().sketches, at, detections, most);
        let mut seen = Vec::with_capacity(wanted.len());
        for rect in wanted {
            let model = find(models, &likeness.model)?;
            if let Some(Answer::Appearance(embedding)) = model.look_at(&frame.picture(), rect)? {
                seen.push(Appearance { rect, embedding });
            }
        }
        Ok(seen)
    }

    /// Replaces what is wished for: what was not fulfilled is wished for again, or no longer.
    pub fn wish(&self, wishes: Vec<Wish>) {
        self.board().wishes = wishes;
    }

    /// What has been answered since the last call.
    pub fn take_answers(&self) -> Vec<Answered> {
        std::mem::take(&mut self.board().answers)
    }

    /// What models of whole pictures have said since the last call; they are numbered after those of crops.
    pub fn take_said(&self) -> Vec<Said> {
        self.board().said.drain(..).collect()
    }

    /// Lets models of whole pictures look at the frame, those whose time has come. Gives how many looks there were.
    ///
    /// # Errors
    /// A fault of the library, or a model that is not loaded.
    pub fn look_whole(
        &self,
        models: &mut BTreeMap<String, Model>,
        frame: &Frame,
    ) -> Result<u64, ModelError> {
        let at = frame.stamps().at;
        let mut looks = 0;
        for (place, whole) in self.wholes.iter().enumerate() {
            if !self.board().is_due(place, at, whole.every) {
                continue;
            }
            let scores = find(models, &whole.model)?.look_whole(&frame.picture())?;
            looks += 1;
            let Some(scores) = scores else { continue };
            let mut board = self.board();
            if board.said.len() == WAITING {
                board.said.pop_front();
            }
            board.said.push_back(Said {
                source: self.models.len() + place,
                at,
                track: None,
                scores,
            });
        }
        Ok(looks)
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
            let model = find(models, name)?;
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

impl Board {
    /// Whether a model is to look at the picture of `at`; then its next look is noted. Looks keep to their beat although frames
    /// come when they come; a time line that began anew begins a new beat.
    fn is_due(&mut self, place: usize, at: Duration, every: Duration) -> bool {
        if self.due.len() <= place {
            self.due.resize(place + 1, at);
        }
        let Some(due) = self.due.get_mut(place) else {
            return false;
        };
        if at < *due && *due <= at + every {
            return false;
        }
        let late = at.saturating_sub(*due) >= every;
        *due = if late || *due > at { at } else { *due } + every;
        true
    }
}

fn find<'m>(
    models: &'m mut BTreeMap<String, Model>,
    name: &str,
) -> Result<&'m mut Model, ModelError> {
    models.get_mut(name).ok_or_else(|| ModelError::Run {
        name: name.to_owned(),
        message: "not loaded".to_owned(),
    })
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
    fn whole_pictures_are_looked_at_on_the_beat() {
        let (mut board, second) = (Board::default(), Duration::from_secs(1));
        let mut looks = |times: &[u64]| {
            let times = times.iter().copied();
            let looks = times.filter(|ms| board.is_due(0, Duration::from_millis(*ms), second));
            looks.collect::<Vec<u64>>()
        };
        assert_eq!(
            looks(&[40, 400, 1000, 1100, 1900, 2050, 2900, 3070]),
            [40, 1100, 2050, 3070]
        );
        // After a gap, and on a time line that began anew.
        assert_eq!(looks(&[9000, 9500, 10_010]), [9000, 10_010]);
        assert_eq!(looks(&[100, 200, 1100]), [100, 1100]);
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
