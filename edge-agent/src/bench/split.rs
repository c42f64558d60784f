//! Where the agent's CPU time goes, by its threads and by the clocks of their stages.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::{
    Agent, cpu,
    inference::{counters::WorkerCounters, model::Cost},
};

/// CPU seconds by stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Split {
    /// RTSP, RTP, parsing, the reel.
    pub(super) receive: f64,
    pub(super) decode: f64,
    /// Choosing which pictures are analysed.
    pub(super) gate: f64,
    pub(super) preprocess: f64,
    /// The model, and reading its outputs.
    pub(super) infer: f64,
    /// Tracking and rules.
    pub(super) track: f64,
    /// Pictures of incidents, spool, uplink, figures.
    pub(super) rest: f64,
}

impl Split {
    pub(super) fn total(&self) -> f64 {
        let Split {
            receive,
            decode,
            gate,
            preprocess,
            infer,
            track,
            rest,
        } = self;
        receive + decode + gate + preprocess + infer + track + rest
    }

    /// Every figure times `factor`.
    pub(super) fn scaled(self, factor: f64) -> Split {
        Split {
            receive: self.receive * factor,
            decode: self.decode * factor,
            gate: self.gate * factor,
            preprocess: self.preprocess * factor,
            infer: self.infer * factor,
            track: self.track * factor,
            rest: self.rest * factor,
        }
    }
}

/// Whose time a thread's is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Decoding,
    Receiving,
    Inference,
    Rest,
}

/// By the names that GStreamer and this program give their threads.
fn whose(name: &str) -> Whose {
    let receiving = ["task", "rtp", "udpsrc", "queue", "camera-", "timer", "rtsp"];
    match name {
        _ if name.starts_with("appsrc") => Whose::Decoding,
        _ if name.starts_with("inference-") => Whose::Inference,
        _ if receiving.iter().any(|start| name.starts_with(start)) => Whose::Receiving,
        _ => Whose::Rest,
    }
}

/// CPU seconds by whose threads used them.
#[derive(Default)]
struct Used {
    decoding: f64,
    receiving: f64,
    inference: f64,
    rest: f64,
}

/// What was used so far.
pub(super) struct Moment {
    threads: HashMap<u64, Duration>,
    gate: Duration,
    cost: Cost,
    track: Duration,
}

impl Moment {
    /// Now; `track` is what tracking and rules took so far.
    pub(super) fn now(agent: &Agent, track: Duration) -> anyhow::Result<Moment> {
        let cameras = agent.cameras();
        let gate = cameras.iter().map(|camera| {
            let micros = camera.progress.gate_us.load(Ordering::Relaxed);
            Duration::from_micros(micros)
        });
        Ok(Moment {
            threads: cpu::threads()?
                .into_iter()
                .map(|t| (t.id, t.used))
                .collect(),
            gate: gate.sum(),
            cost: cost(&agent.workers),
            track,
        })
    }

    /// CPU seconds since then. Threads that have ended meanwhile are left out: the agent ends none while it is well.
    pub(super) fn until_now(&self, agent: &Agent, track: Duration) -> anyhow::Result<Split> {
        let now = Moment::now(agent, track)?;
        let mut used = Used::default();
        for thread in cpu::threads()? {
            let before = self.threads.get(&thread.id).copied().unwrap_or_default();
            let seconds = seconds_between(before, thread.used);
            match whose(&thread.name) {
                Whose::Decoding => used.decoding += seconds,
                Whose::Receiving => used.receiving += seconds,
                Whose::Inference => used.inference += seconds,
                Whose::Rest => used.rest += seconds,
            }
        }
        let gate = seconds_between(self.gate, now.gate);
        let preprocess = seconds_between(self.cost.preprocess, now.cost.preprocess);
        let infer = seconds_between(self.cost.infer, now.cost.infer)
            + seconds_between(self.cost.decode, now.cost.decode);
        let track = seconds_between(self.track, now.track);
        let rest = used.rest - track + used.inference - preprocess - infer;
        Ok(Split {
            receive: used.receiving,
            decode: (used.decoding - gate).max(0.0),
            gate,
            preprocess,
            infer,
            track,
            rest: rest.max(0.0),
        })
    }
}

fn seconds_between(before: Duration, now: Duration) -> f64 {
    now.saturating_sub(before).as_secs_f64()
}

fn cost(workers: &[Arc<WorkerCounters>]) -> Cost {
    workers
        .iter()
        .map(|worker| worker.cost())
        .fold(Cost::default(), |mut all, one| {
            all.preprocess += one.preprocess;
            all.infer += one.infer;
            all.decode += one.decode;
            all
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_told_apart_by_their_names() {
        assert!(whose("appsrc12:src") == Whose::Decoding);
        assert!(whose("inference-0") == Whose::Inference);
        assert!(whose("rtpjitterbuffer") == Whose::Receiving);
        assert!(whose("spool") == Whose::Rest);
    }

    #[test]
    fn the_total_is_of_all_stages() {
        let split = Split {
            receive: 1.0,
            decode: 2.0,
            gate: 4.0,
            preprocess: 8.0,
            infer: 16.0,
            track: 32.0,
            rest: 64.0,
        };
        assert_eq!(split.total(), 127.0);
        assert_eq!(split.scaled(2.0).total(), 254.0);
    }
}
