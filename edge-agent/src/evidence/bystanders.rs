//! Who is in a picture and has no part in the incident: one camera's people, as tracks and as the detector gave them.
//!
//! It errs on the side of hiding: whatever the model takes for a person, however unsure, is one, and whoever was seen a
//! moment ago is still about there.

use std::{collections::VecDeque, time::Duration};

use analytics::{
    detection::Detection,
    geometry::Rect,
    incident::IncidentObject,
    track::{Track, TrackId},
};

use super::privacy::Privacy;

/// Who is in a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Sight {
    /// Where people are who are to be hidden.
    pub people: Vec<Rect>,
    /// Where those are who are to be seen.
    pub kept: Vec<Rect>,
}

impl Sight {
    /// For a picture taken `by` before or after: people have moved meanwhile, who knows where to.
    #[must_use]
    pub fn after(mut self, by: Duration) -> Sight {
        self.people = self.people.iter().map(|r| moved(r, by, RUN)).collect();
        self
    }
}

/// A detection that no track took is remembered for so long: the next picture may miss it.
const REMEMBERED: Duration = Duration::from_millis(800);

/// How many are: more than there are in any street. Loss policy: the oldest are forgotten.
const MOST: usize = 512;

/// Boxes are grown by these shares of their own width and height, each side: detectors cut off elbows and hair.
const MARGIN: (f32, f32) = (0.25, 0.10);

/// Somebody who runs goes so many own widths and heights a second: 3 m/s at 0.6 m by 1.7 m.
const RUN: (f32, f32) = (5.0, 1.8);

/// Somebody who walks: where nobody was seen, most likely nobody is.
const WALK: (f32, f32) = (1.5, 0.3);

/// Two boxes of more intersection over union show one person.
const SAME: f32 = 0.45;

/// Of less sure detections, of which two a moment apart differ more.
const AGAIN: f32 = 0.3;

/// Who has been seen by one camera.
#[derive(Debug, Default)]
pub struct Bystanders {
    /// In the latest picture that was looked at: as the detector gave them.
    latest: Vec<Rect>,
    /// When that was, on the camera's time line.
    at: Duration,
    /// Before that, without a track.
    stray: VecDeque<(Duration, Rect)>,
}

impl Bystanders {
    /// Takes what the model saw at `at`, and the tracks since.
    pub fn note(
        &mut self,
        privacy: &Privacy,
        at: Duration,
        detections: &[Detection],
        tracks: &[Track],
    ) {
        let hidden = detections.iter().filter(|det| privacy.hides(det.class));
        self.latest = hidden.map(|det| det.rect).collect();
        self.at = at;
        let known = |rect: &Rect| tracks.iter().any(|t| t.seen && t.detected.iou(rect) > SAME);
        // Who is seen again is here now, and not anywhere about there.
        let latest = &self.latest;
        self.stray
            .retain(|(_, then)| !latest.iter().any(|now| now.iou(then) > AGAIN));
        let strays = latest.iter().filter(|rect| !known(rect));
        self.stray.extend(strays.map(|rect| (at, *rect)));
        let old = |(then, _): &(Duration, Rect)| at.saturating_sub(*then) > REMEMBERED;
        while self.stray.len() > MOST || self.stray.front().is_some_and(old) {
            self.stray.pop_front();
        }
    }

    /// Who is in the latest picture, with `objects` as those who are to be seen.
    pub fn sight(&self, privacy: &Privacy, tracks: &[Track], objects: &[IncidentObject]) -> Sight {
        let taking_part = |id: TrackId| objects.iter().any(|object| object.track == id);
        let people = tracks
            .iter()
            .filter(|track| privacy.hides(track.class) || privacy.hides(track.seen_as));
        let (seen, others): (Vec<&Track>, Vec<&Track>) =
            people.partition(|track| taking_part(track.id));
        let own = |rect: &Rect| seen.iter().any(|t| t.seen && t.detected == *rect);
        let latest = self.latest.iter().filter(|rect| !own(rect));
        let mut people: Vec<Rect> = latest.map(grown).collect();
        for track in others {
            let unseen = self.at.saturating_sub(track.last_seen);
            people.push(moved(&grown(&track.rect), unseen, WALK));
            people.push(grown(&track.detected));
        }
        let before = self.stray.iter().filter(|(then, rect)| {
            *then < self.at && !seen.iter().any(|t| t.rect.iou(rect) > SAME)
        });
        people.extend(before.map(|(then, r)| moved(&grown(r), self.at - *then, WALK)));
        // Things are not hidden in the first place: whoever stands before one is.
        let objects = objects.iter().filter(|object| privacy.hides(object.class));
        let mut kept: Vec<Rect> = objects.map(|object| object.rect).collect();
        kept.extend(seen.iter().filter(|t| t.seen).map(|t| t.detected));
        Sight { people, kept }
    }
}

fn grown(rect: &Rect) -> Rect {
    wider(rect, MARGIN)
}

/// Where somebody may be `by` later who goes so many own widths and heights a second.
fn moved(rect: &Rect, by: Duration, (x, y): (f32, f32)) -> Rect {
    let by = by.as_secs_f32();
    wider(rect, (x * by, y * by))
}

fn wider(rect: &Rect, (x, y): (f32, f32)) -> Rect {
    let (x, y) = (rect.w * x, rect.h * y);
    Rect {
        x: rect.x - x,
        y: rect.y - y,
        w: rect.w + 2.0 * x,
        h: rect.h + 2.0 * y,
    }
}

#[cfg(test)]
mod tests {
    use analytics::detection::ClassId;

    use super::*;

    const PERSON: ClassId = ClassId(0);
    const CAR: ClassId = ClassId(3);

    fn rect(x: f32) -> Rect {
        Rect {
            x,
            y: 0.4,
            w: 0.05,
            h: 0.2,
        }
    }

    fn det(class: ClassId, score: f32, x: f32) -> Detection {
        Detection {
            class,
            score,
            rect: rect(x),
        }
    }

    fn track(id: u64, class: ClassId, x: f32, last_seen_ms: u64, seen: bool) -> Track {
        Track {
            id: TrackId(id),
            class,
            seen_as: class,
            score: 0.6,
            score_median: 0.6,
            rect: rect(x),
            detected: rect(x),
            velocity: (0.0, 0.0),
            speed: None,
            displacement: 0.0,
            first_seen: Duration::ZERO,
            last_seen: Duration::from_millis(last_seen_ms),
            hits: 5,
            confirmed: true,
            seen,
        }
    }

    fn object(track: &Track) -> IncidentObject {
        IncidentObject {
            track: track.id,
            class: track.class,
            score: track.score,
            rect: track.rect,
            speed: None,
        }
    }

    fn covers(people: &[Rect], of: &Rect) -> bool {
        let whole = |r: &Rect| {
            r.x <= of.x && r.y <= of.y && r.x + r.w >= of.x + of.w && r.y + r.h >= of.y + of.h
        };
        people.iter().any(whole)
    }

    #[test]
    fn whoever_has_no_part_is_hidden_however_unsure_and_who_has_is_not() {
        let privacy = Privacy::new(Vec::new(), vec![PERSON], 0.01);
        let tracks = [
            track(1, PERSON, 0.1, 400, true),
            track(2, PERSON, 0.3, 400, true),
            track(3, PERSON, 0.5, 100, false),
            track(4, CAR, 0.7, 400, true),
        ];
        let mut bystanders = Bystanders::default();
        let dets = [
            det(PERSON, 0.8, 0.1),
            det(PERSON, 0.7, 0.3),
            det(PERSON, 0.11, 0.9),
            det(CAR, 0.9, 0.7),
        ];
        bystanders.note(&privacy, Duration::from_millis(400), &dets, &tracks);
        let sight = bystanders.sight(&privacy, &tracks, &[object(&tracks[0])]);
        for hidden in [0.3, 0.5, 0.9] {
            assert!(covers(&sight.people, &rect(hidden)), "{hidden}: {sight:?}");
        }
        assert!(!sight.people.iter().any(|r| r.iou(&rect(0.1)) > 0.3));
        assert!(!sight.people.iter().any(|r| r.iou(&rect(0.7)) > 0.1));
        assert_eq!(sight.kept, [rect(0.1), rect(0.1)]);
        // A car's incident keeps no pixel of whoever stands before the car.
        let sight = bystanders.sight(&privacy, &tracks, &[object(&tracks[3])]);
        assert_eq!(sight.kept, []);
        assert!(covers(&sight.people, &rect(0.1)));
        // Nobody takes part in a picture that was asked for.
        let all = bystanders.sight(&privacy, &tracks, &[]);
        assert!(
            [0.1, 0.3, 0.5, 0.9]
                .iter()
                .all(|x| covers(&all.people, &rect(*x)))
        );
    }

    #[test]
    fn who_was_seen_a_moment_ago_is_still_hidden_and_forgotten_later() {
        let privacy = Privacy::new(Vec::new(), vec![PERSON], 0.01);
        let mut bystanders = Bystanders::default();
        let at = Duration::from_millis;
        bystanders.note(&privacy, at(0), &[det(PERSON, 0.15, 0.5)], &[]);
        bystanders.note(&privacy, at(400), &[], &[]);
        let people = bystanders.sight(&privacy, &[], &[]).people;
        assert!(
            covers(&people, &rect(0.53)) && covers(&people, &rect(0.47)),
            "{people:?}"
        );
        // Seen again it is there, and not about there.
        bystanders.note(&privacy, at(600), &[det(PERSON, 0.12, 0.51)], &[]);
        let people = bystanders.sight(&privacy, &[], &[]).people;
        assert_eq!(people.len(), 1);
        assert!(!covers(&people, &rect(0.54)), "{people:?}");
        bystanders.note(&privacy, at(1500), &[], &[]);
        assert_eq!(bystanders.sight(&privacy, &[], &[]).people, []);
    }

    #[test]
    fn in_a_picture_of_another_moment_people_may_be_elsewhere() {
        let sight = Sight {
            people: vec![rect(0.5)],
            kept: vec![rect(0.2)],
        };
        let later = sight.clone().after(Duration::from_millis(200));
        assert!(covers(&later.people, &rect(0.54)) && !covers(&sight.people, &rect(0.54)));
        assert_eq!(later.kept, sight.kept);
    }
}
