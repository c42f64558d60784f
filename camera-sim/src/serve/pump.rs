//! The one thread that lets time go on for all cameras of a server.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use gstreamer as gst;
use gstreamer::prelude::*;

use super::{camera::Camera, truth::TruthLog};

/// Longest sleep: a bound, not a period; work to do wakes the thread.
const IDLE: Duration = Duration::from_secs(1);

/// What the pump and the RTSP threads share.
pub(crate) struct Street {
    state: Mutex<State>,
    wake: Condvar,
    clock: gst::Clock,
    /// Called with the mount of a camera that has come to its end.
    on_end: Box<dyn Fn(&str) + Send + Sync>,
}

pub(crate) struct State {
    pub(crate) cameras: Vec<Camera>,
    pub(crate) truth: Option<TruthLog>,
    stopping: bool,
}

impl Street {
    pub(crate) fn new(
        cameras: Vec<Camera>,
        truth: Option<TruthLog>,
        on_end: impl Fn(&str) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Street {
            state: Mutex::new(State {
                cameras,
                truth,
                stopping: false,
            }),
            wake: Condvar::new(),
            clock: gst::SystemClock::obtain(),
            on_end: Box::new(on_end),
        })
    }

    pub(crate) fn now(&self) -> gst::ClockTime {
        self.clock.time()
    }

    pub(crate) fn clock(&self) -> &gst::Clock {
        &self.clock
    }

    /// The state stays whole if a holder panics: no change spans more than one field that another relies on.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets `change` happen to the camera `index`, then looks again what is due.
    pub(crate) fn change(
        &self,
        index: usize,
        change: impl FnOnce(&mut Camera, Option<&mut TruthLog>),
    ) {
        let mut state = self.lock();
        let State { cameras, truth, .. } = &mut *state;
        if let Some(camera) = cameras.get_mut(index) {
            change(camera, truth.as_mut());
        }
        self.wake.notify_all();
    }

    pub(crate) fn stop(&self) {
        self.lock().stopping = true;
        self.wake.notify_all();
    }

    /// Starts the thread; it ends after [`Street::stop`].
    pub(crate) fn pump(self: &Arc<Self>) -> std::io::Result<JoinHandle<()>> {
        let street = Arc::clone(self);
        std::thread::Builder::new()
            .name("serve-pump".to_owned())
            .spawn(move || street.run())
    }

    fn run(&self) {
        let mut state = self.lock();
        while !state.stopping {
            let ended = state.advance(self.now());
            if !ended.is_empty() {
                drop(state);
                ended.iter().for_each(|mount| (self.on_end)(mount));
                state = self.lock();
                continue;
            }
            let due = state.cameras.iter().filter_map(Camera::due).min();
            let sleep = due.map_or(IDLE, |due| due.saturating_sub(self.now()).into());
            (state, _) = self
                .wake
                .wait_timeout(state, sleep.min(IDLE))
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    /// Does all that is due at `now`; the mounts of cameras that ended by it.
    fn advance(&mut self, now: gst::ClockTime) -> Vec<String> {
        let mut ended = Vec::new();
        for camera in &mut self.cameras {
            while camera.due().is_some_and(|due| due <= now) {
                camera.advance(now, self.truth.as_mut());
                if camera.ended() {
                    ended.push(camera.mount.clone());
                }
            }
        }
        ended
    }
}
