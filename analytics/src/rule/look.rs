//! A look that a model knows: a fight, fire, a missing helmet. One look may be wrong, so looks vote: an incident opens once
//! most of those in a window say so, and closes once few do, or nobody has looked for as long as the window.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{FIRES, Log, LookSpec, RuleKind, within};
use crate::{
    geometry::{Point, Polygon},
    incident::IncidentNumber,
    look::{Source, Subject},
    track::{Track, TrackId},
};

/// So many looks in the window decide at least.
const LEAST: usize = 3;

/// Nobody fights alone: another one who looks so stands at most so far aside, and so far before or behind, in heights of
/// the higher box.
const ASIDE: f32 = 0.8;
const BEHIND: f32 = 0.3;

/// Labels of fights, where a rule names none.
const FIGHTS: [&str; 3] = ["fight", "fighting", "violence"];

/// One incident an episode of all that look so; of the kind `look`, where objects are looked at, one an object.
#[derive(Debug)]
pub(crate) struct Look {
    source: usize,
    subject: Subject,
    labels: Vec<usize>,
    zone: Option<Polygon>,
    rule: Threshold,
    /// Of the whole picture.
    picture: Vote,
    objects: BTreeMap<TrackId, Object>,
    /// The incident of the picture, or of all objects, with those that took part last.
    open: Option<(IncidentNumber, Vec<Track>)>,
}

/// When looks are believed.
#[derive(Clone, Copy, Debug)]
struct Threshold {
    within: Duration,
    min_score: f32,
    min_share: f32,
    end_share: f32,
}

/// The latest looks at one thing.
#[derive(Debug, Default)]
struct Vote {
    /// When, and the score.
    looks: VecDeque<(Duration, f32)>,
    is: bool,
}

#[derive(Debug)]
struct Object {
    track: Track,
    vote: Vote,
    incident: Option<IncidentNumber>,
}

impl Look {
    /// # Errors
    /// A model or labels that are not there, and thresholds that make no sense.
    pub(crate) fn new(
        spec: &LookSpec,
        zone: Option<Polygon>,
        sources: &[Source],
    ) -> Result<Self, String> {
        let (number, source) = find(spec, sources)?;
        let labels = labels(spec, source)?;
        if zone.is_some() && source.subject == Subject::Picture {
            return Err(format!(
                "zone means nothing: {:?} looks at whole pictures",
                source.id
            ));
        }
        if spec.end_share >= spec.min_share {
            return Err(format!(
                "end_share {} is not below min_share {}",
                spec.end_share, spec.min_share
            ));
        }
        let wanted = source.every * 3;
        if spec.within < wanted {
            return Err(format!(
                "within {:?} is too short: {:?} looks every {:?}, and three looks decide; it must be {wanted:?} at least",
                spec.within, source.id, source.every
            ));
        }
        Ok(Look {
            source: number,
            subject: source.subject,
            labels,
            zone,
            rule: Threshold {
                within: spec.within,
                min_score: spec.min_score,
                min_share: spec.min_share,
                end_share: spec.end_share,
            },
            picture: Vote::default(),
            objects: BTreeMap::new(),
            open: None,
        })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track>,
        log: &mut Log<'_>,
    ) {
        match self.subject {
            Subject::Picture => self.judge_picture(log),
            Subject::Tracks => self.judge_objects(tracks, log),
        }
    }

    fn judge_picture(&mut self, log: &mut Log<'_>) {
        for said in log.said.iter().filter(|said| said.source == self.source) {
            let look = (said.at, said.score(&self.labels));
            self.picture.looks.push_back(look);
        }
        if log.ends {
            self.picture = Vote::default();
        }
        let is = self.picture.count(log.at, self.rule);
        let sure = self.picture.sureness(self.rule);
        self.settle(is, sure, Vec::new(), log);
    }

    fn judge_objects<'t>(&mut self, tracks: impl Iterator<Item = &'t Track>, log: &mut Log<'_>) {
        let tracks: BTreeMap<TrackId, &Track> = tracks.map(|track| (track.id, track)).collect();
        for said in log.said.iter().filter(|said| said.source == self.source) {
            let Some(track) = said.track.and_then(|track| tracks.get(&track)) else {
                continue;
            };
            if within(&self.zone, stand(track, log.kind)) {
                let object = self.objects.entry(track.id).or_insert_with(|| Object {
                    track: **track,
                    vote: Vote::default(),
                    incident: None,
                });
                let look = (said.at, said.score(&self.labels));
                object.vote.looks.push_back(look);
            }
        }
        let (alone, rule) = (log.kind == RuleKind::Look, self.rule);
        self.objects.retain(|id, object| {
            let track = tracks.get(id);
            object.track = track.map_or(object.track, |track| **track);
            let is = object.vote.count(log.at, rule) && track.is_some();
            match object.incident {
                None if is && alone => {
                    let sure = object.vote.sureness(rule);
                    object.incident = Some(log.open_surely(sure, &[object.track]));
                }
                Some(incident) if !is => {
                    log.close(incident, &[object.track]);
                    object.incident = None;
                }
                _ => {}
            }
            track.is_some()
        });
        if !alone {
            // Once two are in it, one of them may hide the other.
            let pairs = log.kind == RuleKind::Fight && self.open.is_none();
            let members = || {
                let so = self.objects.iter().filter(|(_, object)| object.vote.is);
                let so = so.filter(|(id, _)| !pairs || self.has_opponent(**id, log.aspect));
                so.map(|(_, object)| object)
            };
            let sure = members().map(|object| object.vote.sureness(rule));
            let sure = sure.fold(0.0, f32::max);
            let members: Vec<Track> = members().map(|object| object.track).collect();
            self.settle(!members.is_empty(), sure, members, log);
        }
    }

    /// Whether another one who looks so stands so near to an object that they may be fighting.
    fn has_opponent(&self, id: TrackId, aspect: f32) -> bool {
        let Some(one) = self.objects.get(&id) else {
            return false;
        };
        let mut others = self.objects.iter().filter(|(other, _)| **other != id);
        others.any(|(_, other)| {
            let (a, b) = (one.track.detected, other.track.detected);
            let (p, q, height) = (a.foot(), b.foot(), a.h.max(b.h));
            let near =
                (p.x - q.x).abs() * aspect < ASIDE * height && (p.y - q.y).abs() < BEHIND * height;
            near && other.vote.is
        })
    }

    /// Opens, or closes, the one incident of all.
    fn settle(&mut self, is: bool, sure: f32, members: Vec<Track>, log: &mut Log<'_>) {
        match &mut self.open {
            None if is => self.open = Some((log.open_surely(sure, &members), members)),
            Some((_, known)) if is => *known = members,
            _ => {
                if let Some((incident, known)) = self.open.take() {
                    log.close(incident, &known);
                }
            }
        }
    }
}

impl Vote {
    /// Whether it is so at `now`.
    fn count(&mut self, now: Duration, rule: Threshold) -> bool {
        self.looks
            .retain(|(at, _)| now.saturating_sub(*at) < rule.within);
        let all = self.looks.len();
        let share = self.yes(rule).count() as f32 / all.max(1) as f32;
        self.is = if self.is {
            all > 0 && share >= rule.end_share
        } else {
            all >= LEAST && share >= rule.min_share
        };
        self.is
    }

    fn yes(&self, rule: Threshold) -> impl Iterator<Item = f32> + Clone {
        let scores = self.looks.iter().map(|(_, score)| *score);
        scores.filter(move |score| *score >= rule.min_score)
    }

    /// Mean score of the looks that say so.
    fn sureness(&self, rule: Threshold) -> f32 {
        let yes = self.yes(rule);
        yes.clone().sum::<f32>() / yes.count().max(1) as f32
    }
}

/// Where an object is: its foot, but what burns stands on nothing.
fn stand(track: &Track, kind: RuleKind) -> Point {
    match kind {
        RuleKind::FireSmoke => track.detected.centre(),
        _ => track.detected.foot(),
    }
}

/// The model that the rule names; else the first that knows one of its labels.
fn find<'s>(spec: &LookSpec, sources: &'s [Source]) -> Result<(usize, &'s Source), String> {
    let kind = spec.kind.as_str();
    let named: Vec<&str> = sources.iter().map(|source| source.id.as_str()).collect();
    let known = named.join(", ");
    let usual = usual(spec.kind);
    let wanted = |label: &String| spec.labels.contains(label) || usual.contains(&label.as_str());
    let suits = |source: &Source| match &spec.look {
        Some(look) => source.id == *look,
        None => source.labels.iter().any(wanted),
    };
    let found = sources.iter().enumerate().find(|(_, one)| suits(one));
    found.ok_or_else(|| match &spec.look {
        _ if sources.is_empty() => format!(
            "{kind} needs a model that knows how it looks: name a classifier in [[cameras.looks]] or [[cameras.cascades]]"
        ),
        Some(look) => format!("names the look {look:?}; the camera has {known}"),
        None => format!(
            "no look of the camera knows a label of {kind}: say which in look and labels; there are {known}"
        ),
    })
}

fn usual(kind: RuleKind) -> &'static [&'static str] {
    match kind {
        RuleKind::Fight => &FIGHTS,
        RuleKind::FireSmoke => &FIRES,
        _ => &[],
    }
}

/// Places of the labels that the rule watches for.
fn labels(spec: &LookSpec, source: &Source) -> Result<Vec<usize>, String> {
    let place = |label: &str| source.labels.iter().position(|known| known == label);
    let known = source.labels.join(", ");
    if spec.labels.is_empty() {
        let usual = usual(spec.kind).iter();
        let found: Vec<usize> = usual.filter_map(|label| place(label)).collect();
        return match found.is_empty() {
            true => Err(format!(
                "{:?} knows none of its usual labels: name some in labels; it knows {known}",
                source.id
            )),
            false => Ok(found),
        };
    }
    let labels = spec.labels.iter().map(|label| {
        place(label)
            .ok_or_else(|| format!("{:?} knows no label {label:?}; it knows {known}", source.id))
    });
    labels.collect()
}
