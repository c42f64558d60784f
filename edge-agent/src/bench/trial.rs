//! One trial: the whole agent on N cameras, for a while.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs,
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use tokio::time::sleep;

use super::{
    BenchArgs, limit,
    onlooker::Onlooker,
    row::{Lost, Row, Spread},
    say,
    split::Moment,
    surroundings::{Broker, Cameras},
};
use crate::{Agent, Settings, config, cpu, health::CameraAccount, metrics::Metrics, sink::Link};

/// How long the cameras may take until each of them is watched.
const PATIENCE: Duration = Duration::from_secs(60);
/// Buffers, caches and the clock of the cores settle for so long before anything is counted.
pub(super) const SETTLE: Duration = Duration::from_secs(3);
/// How often it is looked whether all cameras are watched.
const LOOK: Duration = Duration::from_millis(100);

/// Runs one.
pub(super) fn run(args: &BenchArgs, cameras: usize) -> anyhow::Result<Row> {
    let folder = match &args.dir {
        Some(dir) => TempDir::with_prefix_in("edge-agent-bench-", dir),
        None => TempDir::with_prefix("edge-agent-bench-"),
    };
    let folder = folder.context("no folder for the spool; name one by --dir")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("agent")
        .build()?;
    let row = runtime.block_on(trial(args, cameras, folder.path()));
    runtime.shutdown_background();
    row
}

async fn trial(args: &BenchArgs, cameras: usize, folder: &Path) -> anyhow::Result<Row> {
    let broker = Broker::start(folder)?;
    if broker.is_none() {
        say("no mosquitto in PATH: the way to the broker is not measured (apt install mosquitto)");
    }
    let quiet = args.quiet_clip.as_deref();
    let shown = sources(&args.clip, quiet, args.activity, cameras);
    let simulated = Cameras::start(&shown, folder)?;
    let port = broker.as_ref().map(|broker| broker.port);
    let settings = settings(args, &simulated.urls, port, folder)?;
    let onlooker = Onlooker::default();
    let mut metrics = Metrics::new();
    metrics.witness = Arc::new(onlooker.clone());
    let agent = Agent::start_with(settings.clone(), metrics).await?;
    let measured = measure(args, &agent, &onlooker, broker.is_some()).await;
    agent.stop().await;
    let mut row = measured?;
    if !args.no_limit {
        say("decoding alone, then inference alone");
        row.limit = Some(limit::measure(&settings, args.fps).await?);
    }
    Ok(row)
}

/// What each of `cameras` shows. Those with activity are spread evenly among the others.
fn sources<'a>(
    clip: &'a str,
    quiet: Option<&'a str>,
    activity: f64,
    cameras: usize,
) -> Vec<&'a str> {
    let quiet = quiet.unwrap_or(clip);
    let upto = |i: usize| (i as f64 * activity).floor();
    let shows = |i| if upto(i + 1) > upto(i) { clip } else { quiet };
    (0..cameras).map(shows).collect()
}

/// A configuration as somebody would write it.
fn settings(
    args: &BenchArgs,
    urls: &[String],
    port: Option<u16>,
    folder: &Path,
) -> anyhow::Result<Settings> {
    let own = args.places.folders();
    let strings = |paths: &[std::path::PathBuf]| {
        paths
            .iter()
            .map(|p| format!("{p:?}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut text = format!(
        "state_dir = {:?}\nnode = {{ region = \"bench\", site = \"bench\", name = \"bench\" }}\n\
         mqtt = {{ host = \"127.0.0.1\", port = {} }}\n[inference]\nmodels_dir = {:?}\nweights_dirs = [{}]\n",
        folder.join("state"),
        // Nobody listens on the port of discarding.
        port.unwrap_or(9),
        std::path::absolute(&own.models)?,
        strings(&own.weights),
    );
    if let Some(runtime) = &args.places.runtime {
        writeln!(text, "runtime = {runtime:?}")?;
    }
    writeln!(text, "{}", args.inference.join("\n"))?;
    for (i, url) in urls.iter().enumerate() {
        let BenchArgs { model, fps, .. } = args;
        writeln!(
            text,
            "[[cameras]]\nid = \"cam{i}\"\nurl = \"{url}\"\nmodel = \"{model}\"\nanalysis_fps = {fps:?}\n{}\n{SCENE}",
            args.camera.join("\n")
        )?;
    }
    let file = folder.join("edge-agent.toml");
    fs::write(&file, text)?;
    Ok(config::load(&file)?)
}

/// One zone, and whoever enters it.
const SCENE: &str = r#"[[cameras.zones]]
id = "near"
polygon = [[0.25, 0.5], [0.95, 0.5], [0.95, 0.99], [0.25, 0.99]]
[[cameras.rules]]
id = "in-near"
kind = "intrusion"
zone = "near"
"#;

async fn measure(
    args: &BenchArgs,
    agent: &Agent,
    onlooker: &Onlooker,
    broker: bool,
) -> anyhow::Result<Row> {
    all_watched(agent, broker).await?;
    sleep(SETTLE).await;
    let cameras = agent.cameras().len();
    say(&format!(
        "{cameras} cameras are watched; measuring for {} s",
        args.seconds
    ));
    drop(onlooker.take_deliveries());
    agent
        .workers
        .iter()
        .for_each(|worker| drop(worker.take_latest()));
    let (began, moment) = (Instant::now(), Moment::now(agent, onlooker.track())?);
    let before: Vec<Counted> = agent.cameras().iter().map(|c| Counted::now(c)).collect();
    sleep(Duration::from_secs(args.seconds)).await;
    let used = moment.until_now(agent, onlooker.track())?;
    let seconds = began.elapsed().as_secs_f64();
    let accounts = agent.cameras();
    let after = accounts.iter().map(|c| Counted::now(c));
    let counted: Vec<Counted> = after
        .zip(before)
        .map(|(now, then)| now.since(then))
        .collect();
    let took = agent.workers.iter().flat_map(|worker| worker.take_latest());
    Ok(Row {
        cameras,
        seconds,
        fps: counted
            .iter()
            .map(|c| c.analysed as f64 / seconds)
            .collect(),
        kept: counted.iter().map(|c| c.kept(args.fps, seconds)).collect(),
        cpu: used.scaled(60.0 / seconds / cameras as f64),
        infer: Spread::of(took.collect()),
        delivery: Spread::of(onlooker.take_deliveries()),
        lost: Lost {
            gave_way: counted.iter().map(|c| c.gave_way).sum(),
            not_decoded: counted
                .iter()
                .map(|c| c.not_decoded.saturating_sub(c.asleep))
                .sum(),
            packets: counted.iter().map(|c| c.packets).sum(),
        },
        resident_mb: cpu::resident_bytes()? as f64 / 1e6,
        limit: None,
    })
}

/// Waits until every camera is watched, and the broker answers.
async fn all_watched(agent: &Agent, broker: bool) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let waiting: HashMap<String, String> = agent
            .cameras()
            .iter()
            .map(|camera| camera.health())
            .filter(|health| health.frames_decoded == 0)
            .map(|health| (health.id.to_string(), health.reason.unwrap_or_default()))
            .collect();
        let linked = !broker || *agent.link.borrow() == Link::Up;
        if waiting.is_empty() && linked {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            bail!("not watched after {PATIENCE:?}: {waiting:?}; broker answers: {linked}");
        }
        sleep(LOOK).await;
    }
}

/// Counters of one camera.
struct Counted {
    /// Frames that the model looked at.
    analysed: u64,
    /// Frames that the gate spared it.
    still: u64,
    units: u64,
    /// Units that were not decoded because nothing moved.
    asleep: u64,
    gave_way: u64,
    not_decoded: u64,
    packets: u64,
}

impl Counted {
    fn now(camera: &CameraAccount) -> Counted {
        let health = camera.health();
        let progress = &camera.progress;
        Counted {
            analysed: health.frames_analysed,
            still: camera.feed.tally().still,
            units: progress.units.load(Ordering::Relaxed),
            asleep: progress.asleep.load(Ordering::Relaxed),
            gave_way: health.frames_dropped,
            not_decoded: progress.not_decoded.load(Ordering::Relaxed),
            packets: progress.packets_lost.load(Ordering::Relaxed),
        }
    }

    /// Share of the looks that were due while something moved, or its gate looked: those that were done or spared.
    fn kept(&self, fps: f32, seconds: f64) -> f64 {
        let awake = 1.0 - self.asleep as f64 / self.units.max(1) as f64;
        let due = (f64::from(fps) * seconds * awake).max(1.0);
        ((self.analysed + self.still) as f64 / due).min(1.0)
    }

    fn since(&self, then: Counted) -> Counted {
        Counted {
            analysed: self.analysed.saturating_sub(then.analysed),
            still: self.still.saturating_sub(then.still),
            units: self.units.saturating_sub(then.units),
            asleep: self.asleep.saturating_sub(then.asleep),
            gave_way: self.gave_way.saturating_sub(then.gave_way),
            not_decoded: self.not_decoded.saturating_sub(then.not_decoded),
            packets: self.packets.saturating_sub(then.packets),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activity_is_a_share_of_the_cameras() {
        let busy = |activity, cameras| {
            let shown = sources("busy", Some("quiet"), activity, cameras);
            shown.iter().filter(|shown| **shown == "busy").count()
        };
        assert_eq!((busy(0.1, 9), busy(0.1, 10), busy(0.1, 24)), (0, 1, 2));
        assert_eq!((busy(0.0, 5), busy(1.0, 5)), (0, 5));
        assert_eq!(sources("busy", None, 1.0, 2), ["busy", "busy"]);
    }
}
