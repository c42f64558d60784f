//! Whether memory grows with time: the slope of the resident set over many connections to a camera, and over many frames.
//!
//! Bounded by RECONNECTS (default 40) and FRAMES (default 600); 1,000 and 100,000 are what docs/density.md gives. Prints, and
//! takes no figure for good or bad.

#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use edge_agent::{
    Settings,
    analysis::Analysis,
    camera::{
        self, Outputs, Part, file::Clip, gate::FrameGate, mailbox::Mailbox, pace::Pace, reel::Reel,
    },
    config, cpu,
    inference::{folders::BUNDLED, runtime::Runtime},
};
use tests::harness::{Leash, Process, binary, free_port};
use tokio_util::sync::CancellationToken;

/// A camera that gives nothing for so long fails the run.
const PATIENCE: Duration = Duration::from_secs(20);

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("clip.mp4");
    let rendered = Command::new(binary("camera-sim")?)
        .args(["render", "crossroads"])
        .arg(&clip)
        .stdout(Stdio::null())
        .status()?;
    ensure!(rendered.success(), "camera-sim does not render");
    reconnect(folder.path(), &clip, bound("RECONNECTS", 40)?)?;
    look(folder.path(), &clip, bound("FRAMES", 600)?)
}

fn bound(variable: &str, default: usize) -> anyhow::Result<usize> {
    match std::env::var(variable) {
        Ok(text) => text.parse().with_context(|| format!("{variable}={text}")),
        Err(_) => Ok(default),
    }
}

/// Connects to a camera, waits for a frame, and goes away, again and again.
fn reconnect(folder: &Path, clip: &Path, times: usize) -> anyhow::Result<()> {
    let port = free_port()?;
    let mut command = Command::new(binary("camera-sim")?);
    command
        .args(["serve", "--port", &port.to_string()])
        .arg(format!("cam={}", clip.display()));
    let _cameras = Process::spawn("camera-sim", command, &folder.join("log"), Leash::Drop)?;
    let settings = settings(folder, &format!("rtsp://127.0.0.1:{port}/cam"))?;
    let mut memory = Memory::default();
    for done in 0..times {
        let outputs = Outputs {
            reel: Arc::new(Mutex::new(Reel::new(Duration::from_secs(10), 64 << 20))),
            mailbox: Arc::new(Mailbox::new(Arc::default())),
            progress: Arc::default(),
            pace: Arc::new(Pace::new(settings.cameras[0].analysis_fps)),
        };
        let begun = Instant::now();
        while outputs.mailbox.take().is_none() {
            ensure!(
                begun.elapsed() < PATIENCE,
                "connection {done} gave no frame"
            );
            let stop = CancellationToken::new();
            let watching = {
                let (outputs, stop) = (outputs.clone(), stop.clone());
                let camera = settings.cameras[0].clone();
                thread::spawn(move || camera::stream(&camera, Part::Whole, &outputs, &stop))
            };
            while outputs.progress.frame_age().is_none() && !watching.is_finished() {
                thread::sleep(Duration::from_millis(5));
            }
            stop.cancel();
            // One that came before the server listens is tried again.
            drop(watching.join());
        }
        memory.note(done)?;
    }
    memory.print("connections", 1000)
}

/// Looks at frame after frame of a clip, over and over.
fn look(folder: &Path, clip: &Path, frames: usize) -> anyhow::Result<()> {
    let settings = settings(folder, "rtsp://192.0.2.1/")?;
    let runtime = match Runtime::load(None) {
        Ok(runtime) => runtime,
        Err(why) => {
            println!("frames are left out: {why}");
            return Ok(());
        }
    };
    let mut model = settings.inference.folders.load(&runtime, BUNDLED)?;
    let camera = &settings.cameras[0];
    let (mut memory, mut done, mut detections) = (Memory::default(), 0, Vec::new());
    while done < frames {
        let mut analysis = Analysis::new(&camera.scene, model.labels(), camera.analysis_fps)
            .map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
        let mut film = Clip::open(clip, FrameGate::new(f32::INFINITY))?;
        while let Some(frame) = film.next_frame()?.filter(|_| done < frames) {
            model.detect(
                &frame.picture(),
                camera.tiles,
                camera.min_score,
                &mut detections,
            )?;
            analysis.update(Arc::new(frame), &detections);
            done += 1;
            memory.note(done)?;
        }
    }
    memory.print("frames", 100_000)
}

fn settings(folder: &Path, url: &str) -> anyhow::Result<Settings> {
    let file = folder.join("edge-agent.toml");
    let text = format!(
        "node = {{ region = \"r\", site = \"s\", name = \"bench\" }}\nmqtt = {{ host = \"127.0.0.1\" }}\n\
         cameras = [{{ id = \"cam\", url = \"{url}\" }}]\n"
    );
    std::fs::write(&file, text)?;
    config::load(&file).context("configuration")
}

/// Resident bytes over a count.
#[derive(Default)]
struct Memory(Vec<(f64, f64)>);

impl Memory {
    fn note(&mut self, at: usize) -> anyhow::Result<()> {
        self.0.push((at as f64, cpu::resident_bytes()? as f64));
        Ok(())
    }

    /// The slope of the second half, by least squares: caches fill in the first.
    fn print(&self, what: &str, per: usize) -> anyhow::Result<()> {
        let half = self.0.get(self.0.len() / 2..).unwrap_or_default();
        let count = half.len() as f64;
        let mean = |f: fn(&(f64, f64)) -> f64| half.iter().map(f).sum::<f64>() / count;
        let (at, bytes) = (mean(|p| p.0), mean(|p| p.1));
        let above: f64 = half.iter().map(|p| (p.0 - at) * (p.1 - bytes)).sum();
        let below: f64 = half.iter().map(|p| (p.0 - at).powi(2)).sum();
        println!(
            "{} {what}: {:.1} MB at the end, slope {:+.2} MB per {per} {what}",
            self.0.len(),
            half.last().map_or(0.0, |p| p.1) / 1e6,
            above / below.max(1.0) * per as f64 / 1e6,
        );
        Ok(())
    }
}
