//! Starts, watches and stops everything that runs: the only place that starts a task or a thread.
//!
//! Each has a name. What ends before its time is started again after a growing, jittered wait; a panic counts as an
//! end. Stopping goes in the order of the flow: intake first, then what is under way, then the connections.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    event_log::{Event, TaskRestarted},
    metrics::Metrics,
};

/// A run of at least this length was healthy: the next wait is short again.
pub const HEALTHY: Duration = Duration::from_secs(30);

/// A wait that doubles from attempt to attempt, with jitter so that a city does not knock at the same moment.
#[derive(Debug)]
pub struct BackOff {
    least: Duration,
    most: Duration,
    next: Duration,
}

impl BackOff {
    /// Waits that grow from `least` to `most`.
    pub fn new(least: Duration, most: Duration) -> Self {
        BackOff {
            least,
            most,
            next: least,
        }
    }

    /// The wait after a run that was healthy for so long: between half and the whole of the current step.
    pub fn after(&mut self, healthy: Duration) -> Duration {
        if healthy >= HEALTHY {
            self.next = self.least;
        }
        let step = self.next;
        self.next = (step * 2).min(self.most);
        step.mul_f64(rand::random_range(0.5..=1.0))
    }

    /// The wait after a failure where trying again sooner than after `least` does harm.
    pub fn slow(&mut self, least: Duration) -> Duration {
        self.next = self.most;
        least.mul_f64(rand::random_range(1.0..=1.2))
    }
}

/// Why a run ended before its time.
#[derive(Clone, Debug)]
pub struct Failure {
    /// One word for figures.
    pub cause: &'static str,
    /// In words for people.
    pub why: String,
    /// How long it had gone well.
    pub healthy: Duration,
    /// Trying again sooner would do harm.
    pub no_sooner: Option<Duration>,
}

/// Everything that runs, by the stage of the flow that it belongs to.
pub struct Supervisor {
    metrics: Metrics,
    intake: Stage,
    work: Stage,
    uplink: Stage,
}

/// Tasks and threads that are stopped together.
#[derive(Default)]
struct Stage {
    stop: CancellationToken,
    tasks: Vec<(String, JoinHandle<()>)>,
    threads: Vec<(String, thread::JoinHandle<()>)>,
}

/// Where in the flow something runs; stopped in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Takes in frames.
    Intake,
    /// Works on what was taken in.
    Work,
    /// Carries away what was found.
    Uplink,
}

impl Supervisor {
    /// Nothing runs yet.
    pub fn new(metrics: Metrics) -> Self {
        Supervisor {
            metrics,
            intake: Stage::default(),
            work: Stage::default(),
            uplink: Stage::default(),
        }
    }

    fn stage(&mut self, step: Step) -> &mut Stage {
        match step {
            Step::Intake => &mut self.intake,
            Step::Work => &mut self.work,
            Step::Uplink => &mut self.uplink,
        }
    }

    /// The signal that stops `step`.
    pub fn stop_signal(&mut self, step: Step) -> CancellationToken {
        self.stage(step).stop.clone()
    }

    /// Starts a task that ends by itself when its step is stopped.
    pub fn task(
        &mut self,
        step: Step,
        name: &str,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        #[expect(clippy::disallowed_methods, reason = "this is the owner of all tasks")]
        let task = tokio::spawn(work);
        self.stage(step).tasks.push((name.to_owned(), task));
    }

    /// Starts a task that is made anew whenever it ends before its step is stopped.
    pub fn restarting_task<F>(
        &mut self,
        step: Step,
        name: &str,
        mut make: impl FnMut() -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = self.stop_signal(step);
        let (metrics, task) = (self.metrics.clone(), name.to_owned());
        self.task(step, name, async move {
            let mut back_off = BackOff::new(Duration::from_secs(1), Duration::from_secs(60));
            loop {
                let begun = Instant::now();
                #[expect(
                    clippy::disallowed_methods,
                    reason = "a task of its own, so that a panic ends it alone"
                )]
                let outcome = tokio::spawn(make()).await;
                if stop.is_cancelled() {
                    return;
                }
                let why = outcome.map_or_else(
                    |e| e.to_string(),
                    |()| "it ended before its time".to_owned(),
                );
                let retry_in = back_off.after(begun.elapsed());
                TaskRestarted {
                    task: &task,
                    why: &why,
                    retry_in,
                }
                .emit(&metrics);
                tokio::select! {
                    () = tokio::time::sleep(retry_in) => {}
                    () = stop.cancelled() => return,
                }
            }
        });
    }

    /// Starts a thread that runs `work` again and again until its step is stopped. `Ok` ends it; after a failure, a panic
    /// included, `failed` hears why and how long the wait until the next attempt is.
    ///
    /// # Errors
    /// If the operating system gives no thread.
    pub fn restarting_thread(
        &mut self,
        step: Step,
        name: &str,
        mut work: impl FnMut(&CancellationToken) -> Result<(), Failure> + Send + 'static,
        mut failed: impl FnMut(&Failure, Duration) + Send + 'static,
    ) -> io::Result<()> {
        let stop = self.stop_signal(step);
        let runtime = tokio::runtime::Handle::current();
        self.thread(step, name, move || {
            let mut back_off = BackOff::new(Duration::from_secs(1), Duration::from_secs(60));
            while !stop.is_cancelled() {
                let outcome = catch_unwind(AssertUnwindSafe(|| work(&stop)));
                let failure = match outcome {
                    Ok(Ok(())) => return,
                    Ok(Err(failure)) => failure,
                    Err(_) => Failure {
                        cause: "panicked",
                        why: "it panicked: this is a defect of the agent, please report it"
                            .to_owned(),
                        healthy: Duration::ZERO,
                        no_sooner: None,
                    },
                };
                let wait = match failure.no_sooner {
                    Some(least) => back_off.slow(least),
                    None => back_off.after(failure.healthy),
                };
                failed(&failure, wait);
                // Returns early with the stop.
                runtime.block_on(async {
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
        })
    }

    /// Takes over a thread that was started elsewhere and ends soon after its step is stopped.
    pub fn adopt(&mut self, step: Step, name: &str, thread: thread::JoinHandle<()>) {
        self.stage(step).threads.push((name.to_owned(), thread));
    }

    /// Starts a thread. A panic in it is caught and logged; it is not started again.
    ///
    /// # Errors
    /// If the operating system gives no thread.
    pub fn thread(
        &mut self,
        step: Step,
        name: &str,
        work: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let owned = name.to_owned();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                if catch_unwind(AssertUnwindSafe(work)).is_err() {
                    error!(thread = owned, "panicked");
                }
            })?;
        self.stage(step).threads.push((name.to_owned(), thread));
        Ok(())
    }

    /// Stops intake, work and uplink in this order, each within `grace`. What does not end is left behind and named.
    pub async fn shut_down(self, grace: Duration) {
        for stage in [self.intake, self.work, self.uplink] {
            stage.end(grace).await;
        }
    }
}

impl Stage {
    async fn end(self, grace: Duration) {
        self.stop.cancel();
        let until = tokio::time::Instant::now() + grace;
        for (name, mut task) in self.tasks {
            match tokio::time::timeout_at(until, &mut task).await {
                Ok(Ok(())) => {}
                Ok(Err(e)) => error!(task = name, "{e}"),
                Err(_) => {
                    warn!(task = name, "did not stop within {grace:?} and was aborted");
                    task.abort();
                }
            }
        }
        for (name, thread) in self.threads {
            while !thread.is_finished() && tokio::time::Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if !thread.is_finished() {
                warn!(
                    thread = name,
                    "did not stop within {grace:?} and was left behind"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use super::*;

    #[test]
    fn waits_double_up_to_the_most_and_begin_anew_after_a_healthy_run() {
        let (least, most) = (Duration::from_secs(1), Duration::from_secs(60));
        let mut back_off = BackOff::new(least, most);
        let mut step = least;
        for _ in 0..10 {
            let wait = back_off.after(Duration::ZERO);
            assert!(
                wait >= step / 2 && wait <= step,
                "{wait:?} is no jitter of {step:?}"
            );
            step = (step * 2).min(most);
        }
        assert!(back_off.after(HEALTHY) <= least);
        let refused = Duration::from_secs(300);
        assert!(back_off.slow(refused) >= refused);
    }

    #[tokio::test]
    async fn a_task_that_panics_is_started_again_and_counted() {
        let metrics = Metrics::new();
        let mut supervisor = Supervisor::new(metrics.clone());
        let runs = Arc::new(AtomicU32::new(0));
        let stop = supervisor.stop_signal(Step::Work);
        let counter = Arc::clone(&runs);
        supervisor.restarting_task(Step::Work, "clumsy", move || {
            let run = counter.fetch_add(1, Ordering::SeqCst);
            let stop = stop.clone();
            async move {
                assert!(run >= 1, "stumbled");
                stop.cancelled().await;
            }
        });
        while runs.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        supervisor.shut_down(Duration::from_secs(1)).await;
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        let text = metrics.text().unwrap();
        assert!(
            text.contains("task_restarts_total{task=\"clumsy\"} 1"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_thread_that_fails_or_panics_is_run_again_until_its_step_is_stopped() {
        let mut supervisor = Supervisor::new(Metrics::new());
        let (told, hears) = std::sync::mpsc::sync_channel(8);
        let mut run = 0;
        let work = move |stop: &CancellationToken| {
            run += 1;
            assert_ne!(run, 2, "stumbled");
            if run < 3 {
                return Err(Failure {
                    cause: "unplugged",
                    why: "unplugged".to_owned(),
                    healthy: HEALTHY,
                    no_sooner: None,
                });
            }
            while !stop.is_cancelled() {
                thread::sleep(Duration::from_millis(5));
            }
            Ok(())
        };
        let failed = move |failure: &Failure, wait| told.send((failure.why.clone(), wait)).unwrap();
        supervisor
            .restarting_thread(Step::Intake, "clumsy", work, failed)
            .unwrap();
        let heard: Vec<(String, Duration)> = tokio::task::spawn_blocking(move || {
            (0..2)
                .map(|_| hears.recv_timeout(Duration::from_secs(10)).unwrap())
                .collect()
        })
        .await
        .unwrap();
        assert_eq!(heard[0].0, "unplugged");
        assert!(heard[1].0.contains("panicked"), "{heard:?}");
        // Stopping ends even the wait before the next attempt.
        let begun = Instant::now();
        supervisor.shut_down(Duration::from_secs(30)).await;
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[tokio::test]
    async fn intake_ends_before_the_uplink_is_told_to() {
        let mut supervisor = Supervisor::new(Metrics::new());
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        for (step, name) in [
            (Step::Uplink, "uplink"),
            (Step::Intake, "intake"),
            (Step::Work, "work"),
        ] {
            let (stop, order) = (supervisor.stop_signal(step), Arc::clone(&order));
            supervisor.task(step, name, async move {
                stop.cancelled().await;
                order.lock().unwrap().push(name);
            });
        }
        supervisor.shut_down(Duration::from_secs(1)).await;
        assert_eq!(*order.lock().unwrap(), ["intake", "work", "uplink"]);
    }
}
