//! What cannot be left out: receiving and decoding alone, and the model alone, on the same cameras.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{row::Limit, trial::SETTLE};
use crate::{
    Settings,
    camera::{
        self, Frame, Outputs, Part, gate::GateKind, mailbox::Mailbox, pace::Pace, reel::Reel,
    },
    config::settings::CameraSettings,
    cpu,
    inference::{model::Model, runtime::Runtime},
};

/// How long the cameras are decoded.
const SECONDS: u64 = 8;
/// How often each session's model is run.
const RUNS: u32 = 60;

/// Measures both: all cameras at the same time, then as many models as there are sessions.
pub(super) async fn measure(settings: &Settings, fps: f32) -> anyhow::Result<Limit> {
    let (decode, frame) = decode_alone(&settings.cameras).await?;
    let camera = settings.cameras.first().context("no camera")?;
    let (inference, name) = (&settings.inference, &camera.model);
    let runtime = Runtime::load(inference.runtime.as_deref())?;
    let load = |_| inference.folders.load(&runtime, name);
    let models: Vec<Model> = (0..inference.sessions)
        .map(load)
        .collect::<Result<_, _>>()?;
    let sessions = models.len() as f64;
    let each: anyhow::Result<Vec<f64>> = thread::scope(|scope| {
        let runs = models
            .into_iter()
            .map(|model| scope.spawn(|| infer_alone(model, camera, &frame)));
        let runs: Vec<_> = runs.collect();
        let ended = runs.into_iter().map(|run| run.join());
        ended
            .map(|run| run.map_err(|_| anyhow!("the model's thread panicked"))?)
            .collect()
    });
    Ok(Limit {
        decode,
        infer: each?.iter().sum::<f64>() / sessions * f64::from(fps) * 60.0,
    })
}

/// CPU seconds per camera-minute of receiving and decoding, and a frame.
async fn decode_alone(cameras: &[CameraSettings]) -> anyhow::Result<(f64, Frame)> {
    let stop = CancellationToken::new();
    let mailbox = Arc::new(Mailbox::new(Arc::default()));
    let mut streams = Vec::new();
    for camera in cameras {
        let outputs = Outputs {
            // Nothing is kept, and nobody takes more than the latest frame.
            reel: Arc::new(Mutex::new(Reel::new(Duration::ZERO, 0))),
            mailbox: Arc::clone(&mailbox),
            progress: Arc::default(),
            pace: Arc::new(Pace::new(camera.analysis_fps)),
        };
        // Every picture is decoded, whatever the gate.
        let mut camera = camera.clone();
        camera.gate.kind = GateKind::Off;
        let stop = stop.clone();
        let stream = thread::Builder::new()
            .name("camera-alone".to_owned())
            .spawn(move || camera::stream(&camera, Part::Whole, &outputs, &stop))?;
        streams.push(stream);
    }
    sleep(SETTLE).await;
    let (began, before) = (Instant::now(), cpu::process_time());
    sleep(Duration::from_secs(SECONDS)).await;
    let used = cpu::process_time().saturating_sub(before).as_secs_f64();
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    stop.cancel();
    for stream in streams {
        let streamed = tokio::task::spawn_blocking(move || stream.join()).await?;
        streamed.map_err(|_| anyhow!("the camera's thread panicked"))??;
    }
    let frame = mailbox.take().context("no picture came")?;
    Ok((used / minutes / cameras.len() as f64, frame))
}

/// CPU seconds of the model alone, each time.
fn infer_alone(mut model: Model, camera: &CameraSettings, frame: &Frame) -> anyhow::Result<f64> {
    let mut detections = Vec::new();
    let mut look = |model: &mut Model| {
        let picture = frame.picture();
        model.detect(&picture, camera.tiles, camera.min_score, &mut detections)
    };
    for _ in 0..5 {
        look(&mut model)?;
    }
    model.take_cost();
    for _ in 0..RUNS {
        look(&mut model)?;
    }
    Ok(model.take_cost().infer.as_secs_f64() / f64::from(RUNS))
}
