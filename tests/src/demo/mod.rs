//! The demonstration: one street, one operator, everything real but the street.
//!
//! Starts a broker, simulated cameras, a node and a centre, tells every alert as it comes, and at the end compares
//! what the centre knows with what the scenes' script made happen. With a real camera it watches that one instead.

mod camera;
mod screen;
mod verdict;
mod watch;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;
use camera_sim::serve::{Server, ServerSettings, TruthLog};
use jiff::Timestamp;

use crate::harness::{
    Broker, Centre, Leash, Node, NodeConfig, Recorder, Scene, WatchedCamera, wait_for, workspace,
};
use screen::Screen;
use verdict::{Row, judge};
use watch::{Script, Watch};

/// A first start on a busy machine loads a model and connects.
const START_PATIENCE: Duration = Duration::from_secs(120);
/// The scenes that are shown where none is named.
const SCENES: [&str; 2] = ["crossroads", "school-gate"];
/// Rendering is told every so many pictures.
const RENDERED_STEP: usize = 150;
/// How often the messages are looked at.
const GLANCE: Duration = Duration::from_millis(100);
/// How often it is said that all is well.
const PROGRESS: Duration = Duration::from_secs(15);

/// What to show.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// End after this time of watching, and judge. Without it, an interrupt ends it.
    pub seconds: Option<u64>,
    /// Watch this camera, `rtsp://user:password@host/path`, instead of the scenes.
    pub camera: Option<String>,
    /// Scenes to show: names of scenes, or folders with a case.toml.
    pub scenes: Vec<String>,
    /// A model of `models/` other than the bundled one.
    pub model: Option<String>,
}

/// What is shown, ready to be started. Nothing runs yet.
#[derive(Debug)]
pub struct Demo {
    settings: Settings,
    scenes: Vec<Scene>,
    screen: Screen,
}

impl Demo {
    /// Renders the scenes, unless that was done before.
    ///
    /// # Errors
    /// If there is no such scene or it cannot be rendered.
    pub fn prepare(settings: Settings) -> anyhow::Result<Self> {
        let mut screen = Screen::new();
        let scenes = match settings.camera {
            Some(_) => Vec::new(),
            None => load_scenes(&settings.scenes, &mut screen)?,
        };
        Ok(Demo {
            settings,
            scenes,
            screen,
        })
    }

    /// Shows it until its time is up or `interrupted` says so. True if every scripted incident was seen, or nothing
    /// was to be judged.
    ///
    /// # Errors
    /// If something does not start, or dies, with the last lines of its log.
    pub fn run(mut self, interrupted: &dyn Fn() -> bool) -> anyhow::Result<bool> {
        let screen = &mut self.screen;
        let folder = run_folder()?;
        let mut street = Street::build(&self.settings, self.scenes, &folder, screen)?;
        let watched = street.watch(&self.settings, screen, interrupted);
        let good = match watched {
            Ok(()) if street.server.is_some() => {
                let rows = street.judge()?;
                screen.table(&rows)?;
                // Without a set time, its user has ended it, who is not to be told of a failure.
                verdict::is_good(&rows) || self.settings.seconds.is_none()
            }
            Ok(()) => true,
            Err(error) => return Err(error.context(format!("logs: {}", folder.display()))),
        };
        screen.say("stopping")?;
        street.stop()?;
        screen.say(format!("the logs stay in {}", folder.display()))?;
        Ok(good)
    }
}

/// A folder of its own for each run; what earlier runs left is removed, except for the last few.
fn run_folder() -> anyhow::Result<PathBuf> {
    const KEPT: usize = 4;
    let all = workspace().join("demo-run");
    std::fs::create_dir_all(&all).with_context(|| all.display().to_string())?;
    let mut earlier: Vec<PathBuf> = std::fs::read_dir(&all)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    earlier.sort();
    for path in earlier.iter().rev().skip(KEPT) {
        std::fs::remove_dir_all(path).with_context(|| path.display().to_string())?;
    }
    let name = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    let folder = all.join(format!("{name}-{}", std::process::id()));
    std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700)
        .create(&folder)
        .with_context(|| folder.display().to_string())?;
    Ok(folder)
}

/// All that runs. Fields are dropped in this order: who sends before who receives.
struct Street {
    node: Node,
    server: Option<Server>,
    centre: Centre,
    recorder: Recorder,
    broker: Broker,
    scenes: Vec<Scene>,
    script: Script,
    watch: Watch,
}

impl Street {
    fn build(
        settings: &Settings,
        scenes: Vec<Scene>,
        folder: &Path,
        screen: &mut Screen,
    ) -> anyhow::Result<Self> {
        screen.say(format!("logs and state: {}", folder.display()))?;
        screen.say("starting the broker and the command centre")?;
        let broker = Broker::start(&folder.join("broker"), Leash::Pipe)?;
        let centre = Centre::start(&folder.join("centre"), broker.port(), Leash::Pipe)?;
        let recorder = Recorder::start(broker.port())?;
        screen.console(&centre.url(), centre.first_admin_token().as_deref())?;
        let script = Script::default();
        let (server, cameras) = match &settings.camera {
            Some(url) => (None, vec![camera::real_camera(url)?]),
            None => {
                let server = serve(&scenes, folder, &script)?;
                let model = settings.model.as_deref();
                let watched = scenes.iter().map(|s| s.watched(server.url(&s.name), model));
                let cameras: Vec<WatchedCamera> = watched.collect();
                (Some(server), cameras)
            }
        };
        let ids = cameras.iter().map(|c| c.id.clone()).collect();
        let names = scenes
            .iter()
            .map(|s| (s.name.clone(), s.label().to_owned()))
            .collect();
        screen.say("starting the node")?;
        let mut config = NodeConfig::new("demo-node", broker.port(), cameras);
        config.command_keys = vec![centre.command_key()?];
        config.path = ["demo", "street", "node-1"].map(str::to_owned);
        let node = Node::start(&folder.join("node"), &config, Leash::Pipe)?;
        Ok(Street {
            node,
            server,
            centre,
            recorder,
            broker,
            scenes,
            script,
            watch: Watch::new(ids, names),
        })
    }

    /// Tells what happens until the time is up.
    fn watch(
        &mut self,
        settings: &Settings,
        screen: &mut Screen,
        interrupted: &dyn Fn() -> bool,
    ) -> anyhow::Result<()> {
        let Self {
            node,
            centre,
            recorder,
            watch,
            ..
        } = self;
        let mut alive = [&mut node.process, &mut centre.process];
        wait_for(
            "all cameras being watched",
            START_PATIENCE,
            &mut alive,
            || {
                watch.glance(recorder, screen)?;
                Ok((watch.all_watched() || interrupted()).then_some(()))
            },
        )?;
        if interrupted() {
            return Ok(());
        }
        let limit = settings.seconds.map(Duration::from_secs);
        match limit {
            Some(limit) => screen.say(format!("watching for {} s", limit.as_secs()))?,
            None => screen.say("watching; Ctrl-C ends it")?,
        }
        let began = Instant::now();
        let mut next_progress = PROGRESS;
        while !interrupted() && limit.is_none_or(|limit| began.elapsed() < limit) {
            self.watch.glance(&self.recorder, screen)?;
            for process in [&mut self.node.process, &mut self.centre.process] {
                if let Some(status) = process.ended()? {
                    anyhow::bail!("{} ended: {status}\n{}", process.name(), process.tail(30));
                }
            }
            if began.elapsed() > next_progress {
                next_progress += PROGRESS;
                let left = limit.map(|limit| limit.saturating_sub(began.elapsed()));
                screen.progress(&self.watch, left)?;
            }
            std::thread::sleep(GLANCE);
        }
        self.watch.end(Timestamp::now());
        Ok(())
    }

    /// Asks the centre what it knows, and compares.
    fn judge(&mut self) -> anyhow::Result<Vec<Row>> {
        let known = self.centre.incidents().context("asking the centre")?;
        let alarms: Vec<verdict::Alarm> = known
            .iter()
            .map(|seen| verdict::Alarm {
                camera: seen.camera.id.to_string(),
                rule: seen.rule.id.to_string(),
                at: seen.captured,
                received: seen.received,
            })
            .collect();
        let rules = self.scenes.iter().flat_map(Scene::rules).collect();
        Ok(judge(
            rules,
            &self.script.incidents(),
            &alarms,
            &self.watch.windows(),
        ))
    }

    /// Who sends stops before who receives.
    fn stop(&mut self) -> anyhow::Result<()> {
        self.node.process.terminate(Duration::from_secs(12))?;
        self.node.forget_secrets()?;
        drop(self.server.take());
        self.centre.stop()?;
        self.broker.stop()
    }
}

fn load_scenes(names: &[String], screen: &mut Screen) -> anyhow::Result<Vec<Scene>> {
    let usual = SCENES.map(str::to_owned);
    let names = if names.is_empty() { &usual[..] } else { names };
    let scenes = names.iter().map(|name| {
        let folder = Path::new(name);
        if folder.join("case.toml").is_file() {
            return Scene::load(folder);
        }
        let mut closed = None;
        let scene = Scene::rendered_with(name, &mut |done, total| {
            if done % RENDERED_STEP == 0 || done == total {
                let said = screen.say(format!("rendering {name}: {done} of {total} pictures"));
                closed = closed.take().or(said.err());
            }
        })?;
        match closed {
            Some(error) => Err(error.into()),
            None => Ok(scene),
        }
    });
    scenes.collect()
}

fn serve(scenes: &[Scene], folder: &Path, script: &Script) -> anyhow::Result<Server> {
    let log = std::fs::File::create(folder.join("truth.jsonl"))?;
    let server = Server::start(ServerSettings {
        truth: Some(TruthLog::new(script.tee(log))),
        ..ServerSettings::loopback(
            workspace().join(".cache/camera-sim"),
            scenes.iter().map(Scene::camera).collect(),
        )
    })?;
    Ok(server)
}
