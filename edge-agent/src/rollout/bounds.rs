//! What a trial may do: how many alarms, and how long a camera may be without pictures.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use protocol::{CameraState, Name, Trial};

/// See [`Trial`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    factor: f64,
    more: f64,
    lost: Duration,
}

impl Bounds {
    pub(super) fn of(trial: &Trial) -> Bounds {
        Bounds {
            factor: f64::from(trial.max_alarm_factor),
            more: f64::from(trial.max_more_alarms),
            lost: Duration::from_secs(trial.max_lost_seconds.into()),
        }
    }

    /// Whether so many alarms are within them, where there would be so many without it.
    pub(super) fn alarms(&self, raised: u64, usual: f64) -> Result<(), String> {
        let most = usual * self.factor + self.more;
        match raised as f64 > most {
            true => Err(format!(
                "{raised} alarms, where {usual:.0} are usual and {most:.0} allowed"
            )),
            false => Ok(()),
        }
    }
}

/// What is known of cameras that a trial changes.
#[derive(Debug, Default)]
pub(super) struct Watched {
    cameras: BTreeMap<Name, One>,
}

#[derive(Debug, Default)]
struct One {
    /// It was live when the trial began.
    was_live: bool,
    /// Alarms a second without it.
    usual: f64,
    /// Alarms before this stage.
    from: u64,
    lost_since: Option<Instant>,
}

impl Watched {
    /// Cameras, and how they are before anything changes.
    pub(super) fn begin(cameras: &[Name], states: &BTreeMap<Name, CameraState>) -> Watched {
        let one = |id: &Name| {
            let one = One {
                was_live: states.get(id) == Some(&CameraState::Watching),
                ..One::default()
            };
            (id.clone(), one)
        };
        Watched {
            cameras: cameras.iter().map(one).collect(),
        }
    }

    /// How many alarms each raised in so much time without it.
    pub(super) fn usual(&mut self, raised: impl Iterator<Item = (Name, f64)>, time: Duration) {
        for (id, raised) in raised {
            if let Some(one) = self.cameras.get_mut(&id) {
                one.usual = raised / time.as_secs_f64().max(1.0);
            }
        }
    }

    /// A stage begins with these counts.
    pub(super) fn counting_from(&mut self, opened: BTreeMap<Name, u64>) {
        for (id, one) in &mut self.cameras {
            one.from = opened.get(id).copied().unwrap_or_default();
            one.lost_since = None;
        }
    }

    /// Alarms of these cameras in this stage.
    pub(super) fn raised(&self, opened: &BTreeMap<Name, u64>) -> u64 {
        let raised = |(id, opened): (&Name, &u64)| {
            opened.saturating_sub(self.cameras.get(id).map_or(0, |one| one.from))
        };
        opened.iter().map(raised).sum()
    }

    /// Whether these cameras keep within the bounds, so long into a stage.
    pub(super) fn judge(
        &mut self,
        bounds: &Bounds,
        whom: &[Name],
        opened: &BTreeMap<Name, u64>,
        states: &BTreeMap<Name, CameraState>,
        elapsed: Duration,
    ) -> Result<(), String> {
        for id in whom {
            let Some(one) = self.cameras.get_mut(id) else {
                continue;
            };
            let raised = opened.get(id).map_or(0, |now| now.saturating_sub(one.from));
            let usual = one.usual * elapsed.as_secs_f64();
            (bounds.alarms(raised, usual)).map_err(|why| format!("camera {id}: {why}"))?;
            if !one.was_live || states.get(id) == Some(&CameraState::Watching) {
                one.lost_since = None;
                continue;
            }
            let lost = one.lost_since.get_or_insert_with(Instant::now).elapsed();
            if lost > bounds.lost {
                return Err(format!(
                    "camera {id}: without pictures for {} s",
                    lost.as_secs()
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(lost: u32) -> Bounds {
        Bounds::of(&Trial {
            max_alarm_factor: 2.0,
            max_more_alarms: 3,
            max_lost_seconds: lost,
            ..Trial::default()
        })
    }

    fn name(id: &str) -> Name {
        id.parse().unwrap()
    }

    #[test]
    fn alarms_are_judged_by_what_is_usual() {
        assert_eq!(bounds(5).alarms(3, 0.0), Ok(()));
        let refused = bounds(5).alarms(4, 0.0).unwrap_err();
        assert_eq!(refused, "4 alarms, where 0 are usual and 3 allowed");
        assert_eq!(bounds(5).alarms(23, 10.0), Ok(()));
        assert!(bounds(5).alarms(24, 10.0).is_err());
    }

    #[test]
    fn a_stage_counts_from_where_it_began_and_scales_what_is_usual() {
        let gate = name("gate");
        let states = BTreeMap::from([(gate.clone(), CameraState::Watching)]);
        let mut watched = Watched::begin(std::slice::from_ref(&gate), &states);
        watched.usual([(gate.clone(), 10.0)].into_iter(), Duration::from_secs(10));
        watched.counting_from(BTreeMap::from([(gate.clone(), 100)]));
        let judge = |watched: &mut Watched, opened: u64, seconds| {
            let opened = BTreeMap::from([(gate.clone(), opened)]);
            let whom = std::slice::from_ref(&gate);
            watched.judge(
                &bounds(5),
                whom,
                &opened,
                &states,
                Duration::from_secs(seconds),
            )
        };
        assert_eq!(judge(&mut watched, 123, 10), Ok(()));
        assert!(judge(&mut watched, 124, 10).is_err());
        assert_eq!(judge(&mut watched, 124, 11), Ok(()));
    }

    #[test]
    fn a_camera_that_was_live_may_not_stay_away_and_one_that_was_not_may() {
        let (gate, yard) = (name("gate"), name("yard"));
        let before = BTreeMap::from([
            (gate.clone(), CameraState::Watching),
            (yard.clone(), CameraState::Failed),
        ]);
        let both = [gate.clone(), yard.clone()];
        let mut watched = Watched::begin(&both, &before);
        let lost = BTreeMap::from([(gate, CameraState::Connecting), (yard, CameraState::Failed)]);
        let mut judge = |seconds, states| {
            watched.judge(
                &bounds(seconds),
                &both,
                &BTreeMap::new(),
                states,
                Duration::from_secs(1),
            )
        };
        assert_eq!(judge(5, &lost), Ok(()));
        assert_eq!(judge(5, &before), Ok(()), "it came back");
        assert_eq!(judge(5, &lost), Ok(()));
        assert!(
            judge(0, &lost)
                .unwrap_err()
                .starts_with("camera gate: without pictures for ")
        );
        let (alone, yard) = (both[1..].to_vec(), "yard");
        let judged = watched.judge(&bounds(0), &alone, &BTreeMap::new(), &lost, Duration::ZERO);
        assert_eq!(judged, Ok(()), "{yard} was not live before");
    }
}
