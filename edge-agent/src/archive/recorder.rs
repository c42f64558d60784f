//! One camera's clips: of each incident one, cut out of the reel when its post-roll is over, and those the centre asks for.
//!
//! Nothing is held for a clip but who takes part: pictures stay in the reel until it is cut, which is at the latest
//! `max_clip_seconds` after its beginning, however long the incident lasts. So memory is bounded by the reel's bytes. Nothing
//! here makes the camera's task wait: clips are made on the blocking pool and told when they are there.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use analytics::{
    incident::{IncidentChange, Transition},
    track::Track,
};
use protocol::{
    Name, Original,
    incident::{EvidenceRef, EvidenceState},
};
use tokio::{
    sync::oneshot,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use uuid::Uuid;

use super::{
    Archive, LATE,
    sidecar::{Sealed, Sidecar, Trace, traces},
    store::NotKept,
    trail::{Look, Trail},
    veil::Veil,
};
use crate::{
    camera::{Stamps, clip, recode::recode, reel::Reel, unit::Codec},
    command::Done,
    config::settings::CameraSettings,
    event_log::{ClipKept, ClipLost, Event, OriginalGiven},
    evidence::{part::Part, privacy::Privacy},
    metrics::Metrics,
    report::{Report, failed_evidence},
};

/// Incidents of a camera that may wait for the end of their clips. Loss policy: the next has none, which its message says.
const WAITING: usize = 16;
/// Clips of a camera that may be in the making. Loss policy: who asks for one more is told so.
const IN_THE_MAKING: usize = 8;
/// Without anything to wait for, it is looked again after so long.
const IDLE: Duration = Duration::from_secs(3600);
/// At the end nobody waits longer for clips.
const LAST: Duration = Duration::from_secs(4);
/// Name of the part in messages.
const PART: &str = "clip";

/// Which clip is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The last seconds.
    Last {
        /// How many.
        seconds: u32,
    },
    /// That of an incident.
    Incident(Uuid),
}

/// A clip that the centre asks for.
#[derive(Debug)]
pub struct Asked {
    /// Which.
    pub wanted: Wanted,
    /// As it was filmed, for whom and why; masked where there is nothing.
    pub original: Option<Original>,
    /// The request, under whose id it goes.
    pub request: Uuid,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<Done, String>>,
}

/// What became of a clip.
#[derive(Debug)]
pub enum Made {
    /// One of an incident: what is told of it.
    Told(Box<Report>),
    /// One that was asked for: what is sent.
    Asked(Asked, Result<Vec<Part>, String>),
}

/// See the module.
pub struct Recorder {
    archive: Arc<Archive>,
    camera: Name,
    labels: Arc<[String]>,
    privacy: Arc<Privacy>,
    /// Classes that nobody is to see who takes no part.
    hidden: Arc<[String]>,
    /// Rules of whose incidents no clips are made.
    without: BTreeSet<String>,
    reel: Arc<Mutex<Reel>>,
    trail: Trail,
    /// No clip is made of a camera whose reel holds nothing.
    films: bool,
    waiting: Vec<Waiting>,
    jobs: JoinSet<Made>,
    stopping: Arc<AtomicBool>,
    metrics: Metrics,
}

/// An incident whose clip is not over yet.
struct Waiting {
    report: Report,
    opened: Stamps,
    /// Tracks that take part.
    tracks: BTreeSet<u64>,
    /// The clip's end, after the opening.
    until: Duration,
    due: Instant,
}

impl Recorder {
    /// For a camera whose stream is kept in `reel`.
    pub fn new(
        archive: Arc<Archive>,
        camera: &CameraSettings,
        labels: &[String],
        privacy: Arc<Privacy>,
        reel: Arc<Mutex<Reel>>,
        metrics: Metrics,
    ) -> Recorder {
        let span = archive.reel(camera.reel).max(camera.reel) + LATE;
        Recorder {
            archive,
            camera: camera.id.clone(),
            labels: labels.into(),
            hidden: privacy.hidden(labels).into(),
            privacy,
            without: camera.without_clips.clone(),
            reel,
            trail: Trail::new(span),
            films: !camera.reel.is_zero(),
            waiting: Vec::new(),
            jobs: JoinSet::new(),
            stopping: Arc::default(),
            metrics,
        }
    }

    /// Notes where everything is in a frame.
    pub fn look(&mut self, stamps: Stamps, tracks: &[Track]) {
        if self.films {
            self.trail.push(stamps, tracks);
        }
    }

    /// Follows an incident, at a time of the camera's. What is to be told at once is given back: that there is no clip.
    pub fn decided(
        &mut self,
        report: &Report,
        change: &IncidentChange,
        stamps: Stamps,
    ) -> Option<Report> {
        let incident = report.event.data.incident_id;
        let tracks = change.objects.iter().map(|object| object.track.0);
        if change.transition == Transition::Opened {
            return self.begin(report, stamps, tracks.collect());
        }
        let waiting = self.waiting.iter_mut();
        let waiting = waiting.filter(|one| one.report.event.data.incident_id == incident);
        let post = self.archive.settings.post_roll;
        for one in waiting {
            one.tracks.extend(tracks.clone());
            if change.transition == Transition::Closed {
                let closed = stamps.since(one.opened).unsigned_abs();
                one.until = one.until.min(closed + post);
                one.due = due(one.until, one.opened, stamps);
            }
        }
        None
    }

    fn begin(&mut self, report: &Report, opened: Stamps, tracks: BTreeSet<u64>) -> Option<Report> {
        let rule = report.event.data.rule.id.as_str();
        if !self.archive.keeps() || !self.films || self.without.contains(rule) {
            return None;
        }
        if self.waiting.len() >= WAITING {
            let why = format!("{WAITING} other incidents wait for the end of their clips");
            return Some(self.lost(report, &NotKept::new("crowded", why)));
        }
        let settings = &self.archive.settings;
        let until = settings.max_clip.saturating_sub(settings.pre_roll);
        let latest = self.trail.latest().unwrap_or(opened);
        self.waiting.push(Waiting {
            report: report.clone(),
            opened,
            tracks,
            until,
            due: due(until, opened, latest),
        });
        None
    }

    /// Makes a clip that the centre asks for; the answer comes by [`Recorder::next`], or at once where there is none.
    pub fn ask(&mut self, asked: Asked) {
        let allowed = asked
            .original
            .as_ref()
            .map_or(Ok(()), |original| self.archive.allows(original));
        let refused = match allowed {
            Err(why) => Some(why),
            Ok(()) if self.jobs.len() >= IN_THE_MAKING => {
                Some("has too many clips to make: ask again later".to_owned())
            }
            Ok(()) => None,
        };
        if let Some(why) = refused {
            if asked.answer.send(Err(why)).is_err() {
                tracing::debug!(camera = %self.camera, "nobody waits for an answer any more");
            }
            return;
        }
        if let Some(original) = &asked.original {
            OriginalGiven {
                camera: self.camera.as_str(),
                request: asked.request,
                role: original.role.as_str(),
                reason: &original.reason,
            }
            .emit(&self.metrics);
        }
        let darkroom = Darkroom {
            archive: Arc::clone(&self.archive),
            camera: self.camera.clone(),
            labels: Arc::clone(&self.labels),
            privacy: Arc::clone(&self.privacy),
            hidden: Arc::clone(&self.hidden),
            reel: Arc::clone(&self.reel),
            looks: self.trail.looks(),
            stopping: Arc::clone(&self.stopping),
        };
        self.jobs.spawn(async move {
            let (wanted, original) = (asked.wanted, asked.original.is_some());
            let archive = Arc::clone(&darkroom.archive);
            // Never closed; where it were, masking would go on all the same.
            let _one_at_a_time = match original {
                true => None,
                false => archive.masking.acquire().await.ok(),
            };
            let made = tokio::task::spawn_blocking(move || match original {
                true => darkroom.original(wanted),
                false => darkroom.masked(wanted).map(|part| vec![part]),
            });
            let made = made.await.map_err(|e| e.to_string()).flatten();
            Made::Asked(asked, made)
        });
    }

    /// The next clip that is made. May be dropped and called again: nothing is lost.
    pub async fn next(&mut self) -> Made {
        loop {
            self.cut_due(Instant::now());
            let due = self.waiting.iter().map(|one| one.due).min();
            let idle = Instant::now() + IDLE;
            tokio::select! {
                Some(made) = self.jobs.join_next() => if let Ok(made) = made {
                    return made;
                },
                () = sleep_until(due.unwrap_or(idle)) => {}
            }
        }
    }

    /// Cuts all clips where they are, and gives what is to be told of those that are made in time.
    pub async fn finish(&mut self) -> Vec<Report> {
        self.stopping.store(true, Ordering::Relaxed);
        self.cut_due(Instant::now() + IDLE);
        let mut told = Vec::new();
        let until = Instant::now() + LAST;
        while let Ok(Some(made)) =
            timeout(until.duration_since(Instant::now()), self.jobs.join_next()).await
        {
            if let Ok(Made::Told(report)) = made {
                told.push(*report);
            }
        }
        told
    }

    fn cut_due(&mut self, now: Instant) {
        let all = std::mem::take(&mut self.waiting);
        let (over, waiting) = all.into_iter().partition(|one| one.due <= now);
        self.waiting = waiting;
        for one in over {
            let made = self.cut(one);
            self.jobs.spawn(made);
        }
    }

    fn cut(&self, one: Waiting) -> impl Future<Output = Made> + Send + 'static {
        let (archive, reel) = (Arc::clone(&self.archive), Arc::clone(&self.reel));
        let (labels, looks) = (Arc::clone(&self.labels), self.trail.looks());
        let (camera, metrics) = (self.camera.clone(), self.metrics.clone());
        async move {
            let report = one.report.clone();
            let kept =
                tokio::task::spawn_blocking(move || keep(&archive, &reel, &labels, &looks, &one));
            let kept = match kept.await {
                Ok(kept) => kept,
                Err(e) => Err(NotKept::new("defect", e)),
            };
            Made::Told(Box::new(tell(&report, kept, &camera, &metrics)))
        }
    }

    fn lost(&self, report: &Report, why: &NotKept) -> Report {
        tell(report, Err(why.clone()), &self.camera, &self.metrics)
    }
}

/// When the stream has come to `until` after `opened`, if it is at `now` now.
fn due(until: Duration, opened: Stamps, now: Stamps) -> Instant {
    let passed = now.since(opened);
    let left = if passed.is_negative() {
        until + passed.unsigned_abs()
    } else {
        until.saturating_sub(passed.unsigned_abs())
    };
    Instant::now() + left + LATE
}

/// Cuts an incident's clip out of the reel and keeps it sealed.
fn keep(
    archive: &Archive,
    reel: &Mutex<Reel>,
    labels: &[String],
    looks: &[Arc<Look>],
    one: &Waiting,
) -> Result<Sealed, NotKept> {
    let pre = archive.settings.pre_roll;
    let units = crate::camera::held(reel).around(one.opened, pre, one.until);
    let film = clip::film(&clip::one_film(units, one.opened));
    let film = film.map_err(|why| NotKept::new("video", why))?;
    let tracks = traces(looks, &film, labels, |track| one.tracks.contains(&track));
    let sidecar = Sidecar::new(&one.report, &film, &archive.revision(), tracks);
    archive.keep(&film.mp4, sidecar)
}

/// The incident told again, with its clip or why there is none.
fn tell(
    report: &Report,
    kept: Result<Sealed, NotKept>,
    camera: &Name,
    metrics: &Metrics,
) -> Report {
    let incident = report.event.data.incident_id;
    let part: Name = PART.parse().expect("a plain word is a name");
    let evidence = match kept {
        Ok(sealed) => {
            ClipKept {
                camera: camera.as_str(),
                incident,
                bytes: sealed.bytes,
            }
            .emit(metrics);
            EvidenceRef {
                part,
                sha256: Some(sealed.sha256),
                bytes: Some(sealed.bytes),
                state: EvidenceState::OnRequest,
                error: None,
            }
        }
        Err(NotKept { cause, why }) => {
            ClipLost {
                camera: camera.as_str(),
                incident,
                cause,
                why: &why,
            }
            .emit(metrics);
            failed_evidence(part, &why)
        }
    };
    report.with_evidence(evidence)
}

/// What is needed to make a clip that leaves.
struct Darkroom {
    archive: Arc<Archive>,
    camera: Name,
    labels: Arc<[String]>,
    privacy: Arc<Privacy>,
    hidden: Arc<[String]>,
    reel: Arc<Mutex<Reel>>,
    looks: Vec<Arc<Look>>,
    stopping: Arc<AtomicBool>,
}

impl Darkroom {
    fn last(&self, seconds: u32) -> Result<clip::Film, String> {
        let units = crate::camera::held(&self.reel).last(Duration::from_secs(seconds.into()));
        clip::film(&units)
    }

    /// The clip as it was filmed, sealed to the centre.
    fn original(&self, wanted: Wanted) -> Result<Vec<Part>, String> {
        match wanted {
            Wanted::Last { seconds } => Ok(vec![self.archive.sealed(&self.last(seconds)?.mp4)?]),
            Wanted::Incident(incident) => self.archive.original(incident, &self.camera),
        }
    }

    fn veil(&self, tracks: &[Trace]) -> Veil {
        Veil::new(Arc::clone(&self.privacy), &self.hidden, tracks)
    }

    /// The clip with everything covered that is nobody's business.
    fn masked(&self, wanted: Wanted) -> Result<Part, String> {
        let (mp4, codec, veil) = match wanted {
            Wanted::Last { seconds } => {
                let film = self.last(seconds)?;
                let tracks = traces(&self.looks, &film, &self.labels, |_| false);
                (film.mp4, film.codec, self.veil(&tracks))
            }
            Wanted::Incident(incident) => {
                let (mp4, sidecar) = self.archive.unsealed(incident, &self.camera)?;
                let codec = if sidecar.codec == Codec::H265.as_str() {
                    Codec::H265
                } else {
                    Codec::H264
                };
                (mp4, codec, self.veil(&sidecar.tracks))
            }
        };
        let stopping = Arc::clone(&self.stopping);
        let masked = recode(
            mp4,
            codec,
            Box::new(move |canvas, at| {
                veil.cover(canvas, at);
                !stopping.load(Ordering::Relaxed)
            }),
        )?;
        Ok(Part::clip(masked))
    }
}

#[cfg(test)]
#[path = "recorder_tests.rs"]
mod tests;
