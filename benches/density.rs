//! The whole agent as a peer of other video pipelines: N cameras of a test server, each picture of which carries its
//! number as a bar code, and a message for each analysed frame on which somebody is seen.
//!
//! Nothing is measured in here. The message goes an incident's way (spool, synced commit, QoS 1), so that whoever
//! listens at the broker can tell how long the way takes; `--frames` gets a line for each analysed frame. docs/density.md
//! says how to run it.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use clap::Parser;
use edge_agent::{
    Agent,
    camera::Frame,
    config,
    metrics::Metrics,
    spool::{Class, NewRecord},
    witness::{Look, Witness},
};
use protocol::Severity;
use tokio::signal::unix::{SignalKind, signal};

/// Runs the agent on N cameras that show bar codes.
#[derive(Parser)]
struct Args {
    /// Cameras
    cameras: usize,
    /// Address of the cameras without their number
    #[arg(long, default_value = "rtsp://127.0.0.1:8654/cam")]
    url: String,
    /// Port of the broker on the loopback interface
    #[arg(long, default_value_t = 18_883)]
    broker: u16,
    /// Gets a line `camera,frame,unix time,ms since arrival` for each analysed frame
    #[arg(long, value_name = "FILE")]
    frames: PathBuf,
    /// Configuration and spool go here: on a disk, so that a commit is one
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// A folder in models/
    #[arg(long, default_value = "yolox-nano")]
    model: String,
    /// Where weights are that do not lie in their model's folder
    #[arg(long, value_name = "DIR")]
    weights: Vec<PathBuf>,
    /// Analysed frames a second
    #[arg(long, default_value_t = 5.0)]
    fps: f32,
    /// A line for each camera's table, such as 'gate = "motion"'; may be given more than once
    #[arg(long, value_name = "TOML")]
    camera: Vec<String>,
    /// A line for the table [inference]; may be given more than once
    #[arg(long, value_name = "TOML")]
    inference: Vec<String>,
    /// No message for each frame: incidents alone, as in service
    #[arg(long)]
    incidents_only: bool,
}

/// Notes each analysed frame, and says what is seen on it.
struct Reader {
    frames: Mutex<BufWriter<File>>,
    says: bool,
}

impl Witness for Reader {
    fn analysed(&self, look: &Look<'_>) -> Option<NewRecord> {
        let camera: u32 = look.camera.strip_prefix("cam")?.parse().ok()?;
        let frame = number(look.frame).map_or(-1, i64::from);
        let (now, arrival) = (unix_now(), look.frame.stamps().arrival);
        let arrival = Duration::try_from(arrival.as_duration())
            .ok()?
            .as_secs_f64();
        let line = format!(
            "{camera},{frame},{now:.4},{:.1}\n",
            (now - arrival) * 1000.0
        );
        {
            let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
            // A full disk shows as missing lines.
            drop(
                frames
                    .write_all(line.as_bytes())
                    .and_then(|()| frames.flush()),
            );
        }
        let seen: Vec<String> = look
            .tracks
            .iter()
            .filter(|track| track.confirmed && track.seen)
            .map(|track| {
                format!(
                    r#"{{"id":{},"cls":{},"score":{:.3}}}"#,
                    track.id.0, track.class.0, track.score
                )
            })
            .collect();
        let zone = !look.decisions.is_empty();
        let text = format!(
            r#"{{"cam":{camera},"frame":{frame},"zone_event":{zone},"arrival":{arrival:.4},"analysed":{now:.4},"tracks":[{}]}}"#,
            seen.join(",")
        );
        (self.says && !seen.is_empty()).then(|| NewRecord {
            attest: None,
            class: Class::Incident,
            severity: Severity::Info,
            topic: format!("peer/cam{camera}/tracks"),
            payload: Box::new(move |_, _| text.into_bytes()),
        })
    }
}

fn unix_now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs_f64()
}

/// The number of a frame: 24 cells over the whole width of the top 24/1080 of the picture, white or black: 1, 0, 16 bits of
/// the number, 6 bits of a check sum.
fn number(frame: &Frame) -> Option<u16> {
    let picture = frame.picture();
    let (width, height) = (picture.width as usize, picture.height as usize);
    let row = (height * 12 / 1080).max(1) * picture.planes[0].stride;
    let cell = |i: usize| picture.planes[0].data.get(row + (2 * i + 1) * width / 48);
    let bit = |i: usize| cell(i).is_some_and(|luma| *luma > 125);
    let bits = |from: usize, to: usize| (from..to).fold(0_u16, |n, i| n * 2 + u16::from(bit(i)));
    let n = bits(2, 18);
    let check = (n ^ (n >> 6) ^ (n >> 12) ^ 0x2A) & 63;
    (bit(0) && !bit(1) && bits(18, 24) == check).then_some(n)
}

/// The lower right of the picture, and whoever is in it.
const SCENE: &str = r#"
[[cameras.zones]]
id = "near"
polygon = [[0.25, 0.5], [0.95, 0.5], [0.95, 0.999], [0.25, 0.999]]

[[cameras.rules]]
id = "in-near"
kind = "intrusion"
zone = "near"
min_seconds = 0.0
classes = ["person", "bicycle", "car", "motorcycle", "bus", "truck"]
"#;

fn configuration(args: &Args) -> String {
    let broker = args.broker;
    let weights: Vec<String> = args
        .weights
        .iter()
        .map(|w| format!("{:?}", absolute(w)))
        .collect();
    let mut text = format!(
        "state_dir = {:?}\nnode = {{ region = \"r\", site = \"s\", name = \"density\" }}\nmqtt = {{ host = \"127.0.0.1\", port = {broker} }}\n[inference]\nweights_dirs = [{}]\n{}\n",
        absolute(&args.state),
        weights.join(", "),
        args.inference.join("\n"),
    );
    for i in 0..args.cameras {
        let Args {
            url, model, fps, ..
        } = args;
        text += &format!(
            "[[cameras]]\nid = \"cam{i}\"\nurl = \"{url}{i}\"\nmodel = \"{model}\"\nanalysis_fps = {fps:?}\n{}\n{SCENE}\n",
            args.camera.join("\n")
        );
    }
    text
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    fs::create_dir_all(&args.state)?;
    let file = args.state.join("edge-agent.toml");
    fs::write(&file, configuration(&args)).with_context(|| format!("{}", file.display()))?;
    let settings = config::load(&file)?;
    let frames =
        File::create(&args.frames).with_context(|| format!("{}", args.frames.display()))?;
    let mut metrics = Metrics::new();
    metrics.witness = Arc::new(Reader {
        frames: Mutex::new(BufWriter::new(frames)),
        says: !args.incidents_only,
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("agent")
        .build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let agent = Agent::start_with(settings, metrics).await?;
        terminate.recv().await;
        agent.stop().await;
        anyhow::Ok(())
    })?;
    runtime.shutdown_background();
    Ok(())
}
