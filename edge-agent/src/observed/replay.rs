//! `edge-agent replay`: any clip through the real configuration of a camera, as fast as the box allows, the same each time.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, IsTerminal as _, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use jiff::Timestamp;

use super::{
    Step, decide,
    events::{Alarm, Events},
    shadow::Difference,
    source::Source,
};
use crate::{
    analysis::{Analysis, Decision},
    config::{self, Settings, settings::CameraSettings},
    evaluate::{
        camera_settings::CaseCamera,
        run::{self, CaseRun},
        subject::the_camera,
    },
    inference::model::Model,
    report::Reporter,
    roster,
};

/// When a replay begins, where nobody says.
const START: &str = "2000-01-01T00:00:00Z";

/// Show clips to a camera's real configuration, faster than real time, and print the events
#[derive(clap::Args)]
pub struct ReplayArgs {
    /// A clip, a folder of clips in the order of their names, a case, or a bundle of evidence (tar)
    #[arg(value_name = "SOURCE")]
    source: PathBuf,
    /// edge-agent.toml; files of cameras.d/ beside it belong to it
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The camera that is meant; may be left out where there is one only
    #[arg(long, value_name = "ID")]
    camera: Option<String>,
    /// Another configuration beside the first: prints which alarms only one of them raises, and no events
    #[arg(long, value_name = "FILE")]
    shadow: Option<PathBuf>,
    /// Where events go, a line of JSON each; standard output without it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// When the clip was filmed, for schedules; without it rules with a schedule watch all the time
    #[arg(long, value_name = "TIME")]
    start: Option<Timestamp>,
    /// The centre's seal key, for the clip of a bundle
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

/// Runs the command. Exit code 1: the configurations differ in alarms.
///
/// # Errors
/// A configuration, a clip or a model that cannot be used.
pub fn main(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let source = Source::open(&args.source, args.identity.as_deref())?;
    let mut first = Replay::new(&args.config, args.camera.as_deref(), args.start)?;
    let mut second = match &args.shadow {
        Some(path) => Some(Replay::new(path, args.camera.as_deref(), args.start)?),
        None => None,
    };
    let mut out: Box<dyn Write> = match (&args.out, &second) {
        (Some(path), _) => {
            let file = File::create(path).with_context(|| path.display().to_string())?;
            Box::new(BufWriter::new(file))
        }
        (None, Some(_)) => Box::new(io::sink()),
        (None, None) => Box::new(BufWriter::new(io::stdout().lock())),
    };
    let (began, mut offset) = (Instant::now(), Duration::ZERO);
    for clip in &source.clips {
        let steps = first.show(clip, offset, &mut out)?;
        if let Some(second) = &mut second {
            second.show_again(&first.camera, clip, &steps, offset)?;
        }
        offset += first.lasted;
        progress(clip, offset, began);
    }
    out.flush()?;
    let Some(second) = second else {
        return Ok(ExitCode::SUCCESS);
    };
    let difference = Difference::between(&first.alarms, &second.alarms);
    write!(io::stdout(), "{difference}")?;
    Ok(ExitCode::from(u8::from(!difference.is_empty())))
}

fn progress(clip: &Path, shown: Duration, began: Instant) {
    if !io::stderr().is_terminal() {
        return;
    }
    let speed = shown.as_secs_f64() / began.elapsed().as_secs_f64().max(1e-9);
    // Where nobody reads, nothing can be said.
    drop(writeln!(
        io::stderr(),
        "{}: {:.0} s shown, {speed:.1} times as fast as real time",
        clip.display(),
        shown.as_secs_f64()
    ));
}

/// A camera of a configuration that clips are shown to.
struct Replay {
    settings: Settings,
    camera: CameraSettings,
    models: BTreeMap<String, Model>,
    start: Option<Timestamp>,
    events: Events,
    alarms: Vec<Alarm>,
    /// Length of the clip that was shown last.
    lasted: Duration,
}

impl Replay {
    fn new(path: &Path, camera: Option<&str>, start: Option<Timestamp>) -> anyhow::Result<Replay> {
        let settings = config::load(path)?;
        let camera = the_camera(&settings.cameras, camera)?.clone();
        let runtime = settings.inference.load_runtime()?;
        let mut models = BTreeMap::new();
        for (role, name) in CaseCamera::of(&camera).models() {
            let model = settings.inference.folders.load(&runtime, name)?;
            model.check_role(role)?;
            models.insert(name.to_owned(), model);
        }
        let (_, reporter) = made(&settings, &camera, &models)?;
        let usual = START.parse().context("a time")?;
        Ok(Replay {
            events: Events::new(reporter, start.unwrap_or(usual)),
            settings,
            camera,
            models,
            start,
            alarms: Vec::new(),
            lasted: Duration::ZERO,
        })
    }

    /// Another analysis of the same camera, as each clip needs one.
    fn analysis(&self) -> anyhow::Result<Analysis> {
        let (analysis, _) = made(&self.settings, &self.camera, &self.models)?;
        Ok(match self.start {
            Some(_) => analysis,
            None => analysis.with_schedules(Vec::new()),
        })
    }

    /// Shows a clip that began `offset` after the start; what the camera's rules were told comes back.
    fn show(
        &mut self,
        clip: &Path,
        offset: Duration,
        out: &mut dyn Write,
    ) -> anyhow::Result<Vec<Step>> {
        let mut analysis = self
            .analysis()?
            .beginning(self.start.map(|start| start + offset));
        let camera = CaseCamera::of(&self.camera);
        let (mut run, mut steps) = (CaseRun::default(), Vec::new());
        let mut decided: Vec<Decision> = Vec::new();
        run::watch(
            clip,
            &camera,
            &mut self.models,
            &mut analysis,
            &mut run,
            &mut |step, decisions| {
                steps.push(step);
                decided.extend_from_slice(decisions);
            },
        )
        .map_err(anyhow::Error::msg)?;
        self.lasted = Duration::from_secs_f64(run.duration_s);
        self.tell(&decided, offset, out)?;
        Ok(steps)
    }

    /// Shows what another configuration's camera was shown: the clip itself only where the two do not see the same.
    fn show_again(
        &mut self,
        other: &CameraSettings,
        clip: &Path,
        steps: &[Step],
        offset: Duration,
    ) -> anyhow::Result<()> {
        if !sees_the_same(other, &self.camera) {
            return self.show(clip, offset, &mut io::sink()).map(drop);
        }
        let mut analysis = self
            .analysis()?
            .beginning(self.start.map(|start| start + offset));
        let decided = decide(steps, &mut analysis, self.camera.min_score);
        self.tell(&decided, offset, &mut io::sink())
    }

    fn tell(
        &mut self,
        decided: &[Decision],
        offset: Duration,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        for decision in decided {
            let Some((event, alarm)) = self.events.tell(decision, offset) else {
                continue;
            };
            self.alarms.extend(alarm);
            serde_json::to_writer(&mut *out, &event)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

fn made(
    settings: &Settings,
    camera: &CameraSettings,
    models: &BTreeMap<String, Model>,
) -> anyhow::Result<(Analysis, Reporter)> {
    let sheets = models
        .iter()
        .map(|(name, model)| (name.clone(), roster::Sheet::of(model)));
    let made = roster::scene(settings, camera, &sheets.collect());
    let (analysis, reporter, _) =
        made.map_err(|why| anyhow::anyhow!("camera {}: {why}", camera.id))?;
    Ok((analysis, reporter))
}

/// Whether what one camera was told says everything that the other would have been told.
pub(crate) fn sees_the_same(a: &CameraSettings, b: &CameraSettings) -> bool {
    let sees = |camera: &CameraSettings| {
        let case = CaseCamera::of(camera);
        let mut kinds: Vec<&str> = (camera.scene.rules.iter())
            .map(|rule| rule.rule.kind().as_str())
            .filter(|kind| PICTURES.contains(kind))
            .collect();
        kinds.sort_unstable();
        kinds.dedup();
        format!("{case:?} {kinds:?}")
    };
    sees(a) == sees(b)
}

/// Rules that look at the picture itself, as often as they want.
pub(crate) const PICTURES: [&str; 3] = ["abandoned_object", "removed_object", "tamper"];
