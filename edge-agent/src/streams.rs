//! A camera's streams as supervised threads: its only one, or its main stream and its substream.

use std::{
    io,
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::{
    camera::{self, Outputs, Part, reel::Reel},
    command::Restart,
    config::settings::CameraSettings,
    event_log::{CameraFailed, Event},
    health::CameraAccount,
    metrics::Metrics,
    supervisor::{Failure, Step, Supervisor},
};

/// Encoded evidence of one camera is kept in at most so many bytes.
pub(crate) const REEL_BYTES: usize = 64 << 20;

/// Starts a camera's only stream, or its main stream and its substream.
pub(crate) fn start(
    supervisor: &mut Supervisor,
    camera: CameraSettings,
    outputs: Outputs,
    account: Arc<CameraAccount>,
    restart: &Restart,
    metrics: &Metrics,
) -> io::Result<()> {
    let Some(evidence) = &account.evidence else {
        let whole = (Part::Whole, outputs, restart.clone());
        return stream(supervisor, camera, whole, account, metrics.clone());
    };
    let kept = Outputs {
        progress: Arc::clone(evidence),
        ..outputs.clone()
    };
    let analysed = Outputs {
        reel: Arc::new(Mutex::new(Reel::new(camera.reel, REEL_BYTES))),
        ..outputs
    };
    let streams = [(Part::Analysis, analysed), (Part::Evidence, kept)];
    for (part, outputs) in streams {
        let what = (part, outputs, restart.clone());
        let (camera, account) = (camera.clone(), Arc::clone(&account));
        stream(supervisor, camera, what, account, metrics.clone())?;
    }
    Ok(())
}

fn stream(
    supervisor: &mut Supervisor,
    camera: CameraSettings,
    (part, outputs, restart): (Part, Outputs, Restart),
    account: Arc<CameraAccount>,
    metrics: Metrics,
) -> io::Result<()> {
    let id = camera.id.to_string();
    let failing = Arc::clone(&account);
    let stream = move |stop: &CancellationToken| {
        let begun = Instant::now();
        let units = outputs.progress.units.load(Ordering::Relaxed);
        account.trying(part);
        let streamed = loop {
            let streamed = camera::stream(&camera, part, &outputs, &restart.run(stop));
            if streamed.is_err() || stop.is_cancelled() {
                break streamed;
            }
            info!(camera = %camera.id, "the stream begins anew: the centre asked for it");
        };
        streamed.map_err(|error| {
            let moved = outputs.progress.units.load(Ordering::Relaxed) > units;
            Failure {
                cause: error.fault.as_str(),
                why: error.to_string(),
                healthy: if moved {
                    begun.elapsed()
                } else {
                    Duration::ZERO
                },
                no_sooner: Some(camera.stream.refused_retry).filter(|_| error.fault.retry_slowly()),
            }
        })
    };
    let name = match part {
        Part::Evidence => format!("evidence-{id}"),
        Part::Whole | Part::Analysis => format!("camera-{id}"),
    };
    supervisor.restarting_thread(Step::Intake, &name, stream, move |failure, wait| {
        failing.failed(part, &failure.why);
        CameraFailed {
            camera: &id,
            cause: failure.cause,
            why: &failure.why,
            retry_in: Some(wait),
        }
        .emit(&metrics);
    })
}
