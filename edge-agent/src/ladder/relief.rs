//! The ladder at work: hands it what was measured, and does and says what it decides.

use std::{sync::Arc, time::Duration};

use protocol::Degradation;
use tokio::task::JoinHandle;

use super::{
    Ladder, Load, Moved, Weighed,
    heat::{Heat, Thermometer},
};
use crate::{
    camera::pace::Pace,
    event_log::{Event, LadderMoved},
    health::Faults,
    metrics::Metrics,
};

/// How often the temperature is read.
const HEAT_EVERY: Duration = Duration::from_secs(5);

/// A camera that the ladder may come to.
#[derive(Clone, Debug)]
pub struct Relieved {
    /// How it is weighed.
    pub weighed: Weighed,
    /// Its pace.
    pub pace: Arc<Pace>,
}

/// Relieves the box.
pub struct Relief {
    ladder: Ladder,
    paces: Vec<Arc<Pace>>,
    faults: Arc<Faults>,
    metrics: Metrics,
    degradation: Option<Degradation>,
    heat: Heat,
    heat_age: Duration,
    reading: Option<JoinHandle<(Thermometer, Heat)>>,
    thermometer: Option<Thermometer>,
}

impl Relief {
    /// At the foot of the ladder.
    pub fn new(
        cameras: Vec<Relieved>,
        thermometer: Thermometer,
        faults: Arc<Faults>,
        metrics: Metrics,
    ) -> Relief {
        let paces = cameras.iter().map(|camera| Arc::clone(&camera.pace));
        Relief {
            paces: paces.collect(),
            ladder: Ladder::new(cameras.into_iter().map(|camera| camera.weighed).collect()),
            faults,
            metrics,
            degradation: None,
            heat: Heat::Cool,
            heat_age: HEAT_EVERY,
            reading: None,
            thermometer: Some(thermometer),
        }
    }

    /// Other cameras: the ladder is climbed anew, for them.
    pub fn relieve(&mut self, cameras: Vec<Relieved>) {
        let at_foot = self.ladder.step() == 0;
        self.paces = cameras.iter().map(|c| Arc::clone(&c.pace)).collect();
        self.ladder = Ladder::new(cameras.into_iter().map(|camera| camera.weighed).collect());
        if !at_foot {
            self.act(Moved::Down);
        }
    }

    /// What is left out for now.
    pub fn degradation(&self) -> Option<&Degradation> {
        self.degradation.as_ref()
    }

    /// Takes what was measured over `passed`, and acts on it.
    pub async fn look(&mut self, passed: Duration, load: Load) {
        let load = Load {
            heat: self.heat(passed).await,
            ..load
        };
        if let Some(moved) = self.ladder.look(passed, &load) {
            self.act(moved);
        }
    }

    /// The latest reading. Firmware may take its time to answer: nobody waits for it here.
    async fn heat(&mut self, passed: Duration) -> Heat {
        self.heat_age += passed;
        if self.reading.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(reading) = self.reading.take()
        {
            let (thermometer, heat) = reading.await.unwrap_or_default();
            (self.thermometer, self.heat) = (Some(thermometer), heat);
        }
        if self.heat_age >= HEAT_EVERY
            && let Some(mut thermometer) = self.thermometer.take()
        {
            self.heat_age = Duration::ZERO;
            self.reading = Some(tokio::task::spawn_blocking(move || {
                let heat = thermometer.read();
                (thermometer, heat)
            }));
        }
        self.heat.clone()
    }

    fn act(&mut self, moved: Moved) {
        for (i, pace) in self.paces.iter().enumerate() {
            pace.set_fps(self.ladder.fps(i));
            pace.set_rests(self.ladder.rests());
            pace.set_strictness(self.ladder.strictness());
        }
        let step = self.ladder.step();
        let reason = self.ladder.reason();
        let fault = format!("step {step} of 4: {reason}");
        LadderMoved {
            up: moved == Moved::Up,
            step,
            reason: &reason,
        }
        .emit(&self.metrics);
        self.degradation = (step > 0).then(|| Degradation {
            step,
            reason,
            since: protocol::now(),
        });
        self.faults.set("load", (step > 0).then_some(fault));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relief(faults: &Arc<Faults>) -> (Relief, Vec<Arc<Pace>>) {
        let camera = |id: &str, priority| Relieved {
            weighed: Weighed {
                id: id.to_owned(),
                priority,
                asked: 5.0,
                floor: 1.0,
                seconds: false,
            },
            pace: Arc::new(Pace::new(5.0)),
        };
        let cameras = vec![camera("main", 9), camera("yard", 2)];
        let paces = cameras.iter().map(|c| Arc::clone(&c.pace)).collect();
        (
            Relief::new(
                cameras,
                Thermometer::below("/nowhere".into()),
                Arc::clone(faults),
                Metrics::new(),
            ),
            paces,
        )
    }

    #[tokio::test]
    async fn what_the_ladder_decides_is_done_and_said_until_it_is_over() {
        let faults = Arc::new(Faults::default());
        let (mut relief, paces) = relief(&faults);
        let load = |gave_way, busy| Load {
            gave_way,
            waited: 0.0,
            busy,
            heat: Heat::Cool,
        };
        let mut said = Vec::new();
        for _ in 0..40 {
            relief.look(Duration::from_secs(1), load(0.6, 1.0)).await;
            said.extend(relief.degradation().map(|d| d.step));
        }
        said.dedup();
        assert_eq!(said, [1, 2, 3, 4]);
        assert_eq!((paces[0].fps(), paces[1].is_paused()), (1.0, true));
        assert_eq!(paces[0].strictness(), 1);
        let told = faults.told();
        assert!(
            told[0].starts_with("load: step 4 of 4: overload (60 %")
                && told[0].ends_with("1 paused (yard)"),
            "{told:?}"
        );
        for _ in 0..100 {
            relief.look(Duration::from_secs(1), load(0.0, 0.1)).await;
        }
        assert_eq!(relief.degradation(), None);
        assert!(faults.told().is_empty());
        assert_eq!(
            (paces[0].fps(), paces[1].fps(), paces[0].strictness()),
            (5.0, 5.0, 0)
        );
        let text = relief.metrics.text().unwrap();
        assert!(
            text.contains("degradation_moves_total{direction=\"up\"} 4"),
            "{text}"
        );
        assert!(
            text.contains("safecity_edge_degradation_step 0\n"),
            "{text}"
        );
    }
}
