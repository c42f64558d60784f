//! The pictures of one camera's incidents: which frame, who may be seen in it, and when they are made.
//!
//! The thumbnail is of the frame that decided and follows its alert at once. The snapshot waits up to [`WINDOW`] for a frame
//! that shows the incident's objects better (docs/decisions/0015). Pictures are made on the blocking pool, a few at a time;
//! nobody waits for them here, and none is made of anything but a [`Veiled`](crate::evidence::veil::Veiled).

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use analytics::{
    detection::Detection,
    geometry::Rect,
    incident::IncidentObject,
    track::{Track, TrackId},
};
use tokio::{task::JoinSet, time::Instant};

use crate::{
    camera::{Frame, Stamps, reel::Reel, still},
    evidence::{
        best,
        bystanders::{Bystanders, Sight},
        part::{self, Part},
        privacy::Privacy,
    },
    report::Report,
    spool::Class,
};

/// How long a better frame is waited for, in media time.
pub const WINDOW: Duration = Duration::from_secs(1);
/// By this machine's clock: longer than [`WINDOW`], for frames that come no more.
const PATIENCE: Duration = Duration::from_millis(2500);
/// A frame must be worth so much more to take the place of another.
const BETTER: f32 = 1.2;
/// Frames of one camera that are held while better ones are waited for, besides the latest: 3 MB each in Full HD.
const HELD: usize = 2;
/// Pictures of one camera that are made at the same time: each takes a core for some 20 ms.
const IN_THE_MAKING: usize = 2;
/// Pictures that wait to be made. Loss policy: the next is not made, which its incident's message says.
const WAITING: usize = 64;
/// Two streams' times of one moment differ by so much, by the camera's clock and by their arrival.
const APART: (Duration, Duration) = (Duration::from_millis(40), Duration::from_millis(250));
/// In a picture farther than this from the frame that was analysed nobody knows where people are.
const STRAY: Duration = Duration::from_millis(1500);

const THUMBNAIL: &[Class] = &[Class::Thumbnail];
const SNAPSHOT: &[Class] = &[Class::Snapshot];
const BOTH: &[Class] = &[Class::Thumbnail, Class::Snapshot];

/// Pictures of an incident, or why there are none.
pub type Made = (Report, Result<Vec<Part>, String>);

/// A frame and what is to be seen in it.
#[derive(Clone)]
struct Shot {
    frame: Arc<Frame>,
    boxes: Vec<Rect>,
    sight: Sight,
}

/// Pictures that are to be made.
struct Wanted {
    report: Report,
    shot: Shot,
    classes: &'static [Class],
}

/// A snapshot that may become better.
struct Choice {
    report: Report,
    objects: Vec<TrackId>,
    shot: Shot,
    worth: f32,
    until: Duration,
    at_last: Instant,
}

/// See the module.
pub struct Pictures {
    privacy: Arc<Privacy>,
    bystanders: Bystanders,
    /// The main stream, where the one that is analysed is a substream: pictures are taken from there.
    stills: Option<Arc<Mutex<Reel>>>,
    choices: Vec<Choice>,
    waiting: VecDeque<Wanted>,
    in_the_making: JoinSet<Made>,
}

impl Pictures {
    /// Of a camera with this privacy; taken from `stills` if there is such a stream.
    pub fn new(privacy: Arc<Privacy>, stills: Option<Arc<Mutex<Reel>>>) -> Pictures {
        Pictures {
            privacy,
            bystanders: Bystanders::default(),
            stills,
            choices: Vec::new(),
            waiting: VecDeque::new(),
            in_the_making: JoinSet::new(),
        }
    }

    /// Takes the frame that was analysed last, with the tracks since, and what the model saw if it looked.
    pub fn look(&mut self, frame: &Arc<Frame>, tracks: &[Track], seen: Option<&[Detection]>) {
        let at = frame.stamps().at;
        if let Some(detections) = seen {
            self.bystanders.note(&self.privacy, at, detections, tracks);
        }
        for i in 0..self.choices.len() {
            if at <= self.choices[i].until {
                self.compare(i, frame, tracks);
            }
        }
        let alive = |objects: &[TrackId]| tracks.iter().any(|t| objects.contains(&t.id));
        self.settle(|choice| at >= choice.until || !alive(&choice.objects));
    }

    /// Takes the frame in the place of the one chosen so far, if it is better and not one too many.
    fn compare(&mut self, which: usize, frame: &Arc<Frame>, tracks: &[Track]) {
        let choice = &self.choices[which];
        let worth = best::worth(&frame.picture(), &choice.objects, tracks);
        if worth <= BETTER * choice.worth {
            return;
        }
        let others = self.choices.iter().enumerate();
        let others = others.filter(|(i, _)| *i != which);
        let held = distinct(others.map(|(_, choice)| &choice.shot.frame).chain([frame]));
        if held > HELD {
            return;
        }
        let own = tracks.iter().filter(|t| choice.objects.contains(&t.id));
        let objects: Vec<IncidentObject> = own.map(object).collect();
        let shot = self.shot(frame, tracks, &objects);
        let choice = &mut self.choices[which];
        choice.shot = shot;
        choice.worth = worth;
    }

    fn shot(&self, frame: &Arc<Frame>, tracks: &[Track], objects: &[IncidentObject]) -> Shot {
        Shot {
            frame: Arc::clone(frame),
            boxes: objects.iter().map(|object| object.rect).collect(),
            sight: self.bystanders.sight(&self.privacy, tracks, objects),
        }
    }

    /// Pictures for an incident that has opened on the frame that was looked at last. Where too much waits already, that
    /// comes back at once.
    pub fn want(
        &mut self,
        report: Report,
        frame: &Arc<Frame>,
        tracks: &[Track],
        objects: &[IncidentObject],
    ) -> Option<Made> {
        if self.waiting.len() >= WAITING {
            let why = format!("{WAITING} other pictures wait to be made");
            return Some((report, Err(why)));
        }
        let shot = self.shot(frame, tracks, objects);
        let objects: Vec<TrackId> = objects.iter().map(|object| object.track).collect();
        let followed = tracks.iter().any(|track| objects.contains(&track.id));
        let held = self.choices.iter().map(|choice| &choice.shot.frame);
        let waits =
            followed && distinct(held.chain([frame])) <= HELD && self.choices.len() < WAITING;
        self.waiting.push_back(Wanted {
            report: report.clone(),
            shot: shot.clone(),
            classes: if waits { THUMBNAIL } else { BOTH },
        });
        if waits {
            self.choices.push(Choice {
                report,
                worth: best::worth(&frame.picture(), &objects, tracks),
                objects,
                shot,
                until: frame.stamps().at + WINDOW,
                at_last: Instant::now() + PATIENCE,
            });
        }
        None
    }

    /// Ends the wait of those choices.
    fn settle(&mut self, is_over: impl Fn(&Choice) -> bool) {
        for choice in self.choices.extract_if(.., |choice| is_over(choice)) {
            // There is a place for it: not more frames are chosen among than are held.
            self.waiting.push_back(Wanted {
                report: choice.report,
                shot: choice.shot,
                classes: SNAPSHOT,
            });
        }
    }

    /// No frame comes any more: takes the best so far.
    pub fn settle_all(&mut self) {
        self.settle(|_| true);
    }

    /// When to call [`Pictures::settle_due`], if ever.
    pub fn due(&self) -> Option<Instant> {
        self.choices.iter().map(|choice| choice.at_last).min()
    }

    /// Takes the best so far where no frame has come for too long.
    pub fn settle_due(&mut self) {
        let now = Instant::now();
        self.settle(|choice| choice.at_last <= now);
    }

    /// Begins with the pictures that wait, as many as may be made at the same time.
    pub fn begin(&mut self) {
        while self.in_the_making.len() < IN_THE_MAKING
            && let Some(wanted) = self.waiting.pop_front()
        {
            let Wanted {
                report,
                shot,
                classes,
            } = wanted;
            let made = make(
                shot,
                Arc::clone(&self.privacy),
                self.stills.clone(),
                classes,
            );
            self.in_the_making
                .spawn(async move { (report, made.await) });
        }
    }

    /// Waits for the next that are made; nothing where none are in the making.
    pub async fn made(&mut self) -> Option<Made> {
        loop {
            // What can panic was caught on the blocking pool; here only the end of the runtime is left.
            if let Ok(made) = self.in_the_making.join_next().await? {
                return Some(made);
            }
        }
    }

    /// Thumbnail and snapshot of the frame that was looked at last; nobody in it takes part in anything.
    ///
    /// # Errors
    /// In words.
    pub async fn now(&self, frame: &Arc<Frame>, tracks: &[Track]) -> Result<Vec<Part>, String> {
        let shot = self.shot(frame, tracks, &[]);
        make(shot, Arc::clone(&self.privacy), self.stills.clone(), BOTH).await
    }
}

/// How many different frames there are among these.
fn distinct<'f>(frames: impl Iterator<Item = &'f Arc<Frame>>) -> usize {
    let mut all: Vec<*const Frame> = frames.map(Arc::as_ptr).collect();
    all.sort_unstable();
    all.dedup();
    all.len()
}

fn object(track: &Track) -> IncidentObject {
    IncidentObject {
        track: track.id,
        class: track.class,
        score: track.score,
        rect: track.rect,
        speed: track.speed,
    }
}

/// Of the frame, or of what `stills` has of that moment.
async fn make(
    shot: Shot,
    privacy: Arc<Privacy>,
    stills: Option<Arc<Mutex<Reel>>>,
    classes: &'static [Class],
) -> Result<Vec<Part>, String> {
    let taken = tokio::task::spawn_blocking(move || {
        let Shot {
            frame,
            boxes,
            sight,
        } = shot;
        let still = stills.and_then(|reel| {
            let still = still::picture(&reel, frame.stamps());
            let found = still.and_then(|still| {
                let apart = apart(still.stamps(), frame.stamps());
                let near = (apart <= STRAY).then_some((still, apart));
                near.ok_or_else(|| format!("the main stream has none within {STRAY:?}"))
            });
            found
                .inspect_err(|why| tracing::warn!(why, "a picture is taken from the substream"))
                .ok()
        });
        match still {
            Some((still, apart)) => {
                let sight = sight.after(apart);
                part::pictures(&privacy.veil(still.picture(), &sight), &boxes, classes)
            }
            None => part::pictures(&privacy.veil(frame.picture(), &sight), &boxes, classes),
        }
    });
    match taken.await {
        Ok(taken) => taken.map_err(|e| e.to_string()),
        Err(e) => Err(format!("snapshot: {e}")),
    }
}

/// How far two pictures of one camera's streams may lie apart in time.
fn apart(one: Stamps, other: Stamps) -> Duration {
    match (one.capture, other.capture) {
        (Some(one), Some(other)) => one.duration_since(other).unsigned_abs() + APART.0,
        _ => one.arrival.duration_since(other.arrival).unsigned_abs() + APART.1,
    }
}

#[cfg(test)]
#[path = "pictures_tests.rs"]
mod tests;
