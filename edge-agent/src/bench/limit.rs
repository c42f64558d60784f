//! What cannot be left out: receiving and decoding alone, and the model alone, on the same cameras.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::row::Limit;
use crate::{
    Settings,
    camera::{self, Frame, Outputs, mailbox::Mailbox, reel::Reel},
    config::settings::CameraSettings,
    cpu,
    inference::{model::Model, runtime::Runtime},
};

/// How long a camera is decoded.
const SECONDS: u64 = 8;
/// How often the model is run.
const RUNS: u32 = 60;

/// Measures both on the first camera.
pub(super) async fn measure(settings: &Settings, fps: f32) -> anyhow::Result<Limit> {
    let camera = settings.cameras.first().context("no camera")?;
    let (decode, frame) = decode_alone(camera).await?;
    let inference = settings.inference.clone();
    let camera = camera.clone();
    let infer = tokio::task::spawn_blocking(move || {
        let runtime = Runtime::load(inference.runtime.as_deref())?;
        let mut model = inference.folders.load(&runtime, &camera.model)?;
        infer_alone(&mut model, &camera, &frame)
    });
    let each = infer.await??;
    Ok(Limit {
        decode,
        infer: each * f64::from(fps) * 60.0,
    })
}

/// CPU seconds a minute of receiving and decoding, and a frame of it.
async fn decode_alone(camera: &CameraSettings) -> anyhow::Result<(f64, Frame)> {
    let outputs = Outputs {
        // Nothing is kept, and nobody takes more than the latest frame.
        reel: Arc::new(Mutex::new(Reel::new(Duration::ZERO, 0))),
        mailbox: Arc::new(Mailbox::new(Arc::default())),
        progress: Arc::default(),
    };
    let stop = CancellationToken::new();
    let streaming = {
        let (camera, outputs, stop) = (camera.clone(), outputs.clone(), stop.clone());
        thread::Builder::new()
            .name("camera-alone".to_owned())
            .spawn(move || camera::stream(&camera, &outputs, &stop))?
    };
    sleep(Duration::from_secs(3)).await;
    let (began, before) = (Instant::now(), used()?);
    sleep(Duration::from_secs(SECONDS)).await;
    let used = used()?.saturating_sub(before).as_secs_f64();
    let minutes = began.elapsed().as_secs_f64() / 60.0;
    stop.cancel();
    let streamed = tokio::task::spawn_blocking(move || streaming.join()).await?;
    streamed.map_err(|_| anyhow!("the camera's thread panicked"))??;
    let frame = outputs.mailbox.take().context("no picture came")?;
    Ok((used / minutes, frame))
}

fn used() -> anyhow::Result<Duration> {
    Ok(cpu::threads()?.iter().map(|thread| thread.used).sum())
}

/// CPU seconds of the model alone, each time.
fn infer_alone(model: &mut Model, camera: &CameraSettings, frame: &Frame) -> anyhow::Result<f64> {
    let mut detections = Vec::new();
    let mut look = |model: &mut Model| {
        model.detect(
            &frame.picture(),
            camera.tiles,
            camera.min_score,
            &mut detections,
        )
    };
    for _ in 0..5 {
        look(model)?;
    }
    model.take_cost();
    for _ in 0..RUNS {
        look(model)?;
    }
    Ok(model.take_cost().infer.as_secs_f64() / f64::from(RUNS))
}
