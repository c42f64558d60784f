//! `edge-agent probe URL`: watches a stream for a while, says what it is like and what to set, and writes a file of cameras.d/.

use std::{
    fmt::Write as _,
    fs::{self, OpenOptions},
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;

use super::{
    figures::{Figures, RateMode, Unit},
    login::{Login, taken_apart},
    page::page,
};
use crate::{
    camera::{
        CameraError, Frame, Outputs, Part, mailbox::Bell, mailbox::Mailbox, pace::Pace,
        progress::Progress, reel::Reel, stream,
    },
    config::{self, settings::CameraSettings},
    evidence::{snapshot::snapshot_within, veil::Veiled},
};

/// Encoded bytes of the stretch that is looked at.
const MAX_BYTES: usize = 256 << 20;
/// Width of the picture with the grid, and its bytes.
const WIDTH: u32 = 1280;
const JPEG_BYTES: usize = 400_000;
/// Name of the variable under which the check of the address finds the password.
const PASSWORD: &str = "PASSWORD";

/// Watch a stream for a while and say what it is like; write a file of cameras.d/ for it
#[derive(clap::Args)]
pub struct ProbeArgs {
    /// rtsp:// or rtsps://; a login may stand in it, as user:password@
    #[arg(value_name = "URL")]
    url: String,
    /// Whose login it is
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// A file whose first line is the password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// RTP over RTSP's own connection (tcp), or beside it (udp)
    #[arg(long, value_name = "TRANSPORT", default_value = "tcp", value_parser = ["tcp", "udp"])]
    transport: String,
    /// The certificate of rtsps:// is not verified
    #[arg(long)]
    insecure_tls: bool,
    /// For so long
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(2..=300))]
    seconds: u64,
    /// Write the picture with a grid, to read coordinates from (HTML)
    #[arg(long, value_name = "FILE")]
    picture: Option<PathBuf>,
    /// The camera's name on its node, for --write
    #[arg(long, value_name = "ID", requires = "write")]
    id: Option<String>,
    /// Write ID.toml into this folder (cameras.d beside edge-agent.toml), and ID.password beside it where there is one
    #[arg(long, value_name = "DIR", requires = "id")]
    write: Option<PathBuf>,
}

/// What was found.
struct Found {
    figures: Figures,
    codec: String,
    size: Option<(u32, u32)>,
    clock: Option<SignedDuration>,
    lost: u64,
    frame: Option<Frame>,
    hardware: bool,
}

/// Runs the command.
///
/// # Errors
/// Why there is no picture, or a file cannot be written.
pub fn main(args: &ProbeArgs) -> anyhow::Result<ExitCode> {
    let (url, inside) = taken_apart(&args.url);
    if !url.starts_with("rtsp://") && !url.starts_with("rtsps://") {
        bail!(
            "{url:?} is no address of a camera: it begins with rtsp:// or rtsps:// (`edge-agent discover` finds them)"
        );
    }
    let named = Login::of(args.user.as_deref(), args.password_file.as_deref())?;
    let login = match (inside, named) {
        (Some(_), Some(_)) => bail!("a login stands in the address, and another is named"),
        (inside, named) => inside.or(named),
    };
    let camera = camera(args, &url, login.as_ref())?;
    let found = watch(&camera, Duration::from_secs(args.seconds))?;
    let advice = advice(&found, args);
    write!(io::stdout(), "{}", told(&found, &advice))?;
    let name = args.id.as_deref().unwrap_or(&url);
    if let Some(path) = &args.picture {
        let frame = found.frame.as_ref().context("no picture was decoded")?;
        let picture = snapshot_within(&Veiled::bare(frame.picture()), &[], WIDTH, JPEG_BYTES)?;
        fs::write(path, page(name, &picture.jpeg, picture.size))
            .with_context(|| path.display().to_string())?;
        say(&format!("{}: the picture with a grid", path.display()));
    }
    if let Some(folder) = &args.write {
        write_camera(folder, name, &url, login.as_ref(), args, &advice)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn say(text: &str) {
    // Where nobody reads, nothing can be said.
    drop(writeln!(io::stderr(), "{text}"));
}

/// The camera as a node would have it, its address checked in the same way.
fn camera(args: &ProbeArgs, url: &str, login: Option<&Login>) -> anyhow::Result<CameraSettings> {
    let mut table = toml::Table::from_iter([
        ("id".to_owned(), "probe".into()),
        ("url".to_owned(), url.into()),
        ("transport".to_owned(), args.transport.clone().into()),
        ("insecure_tls".to_owned(), args.insecure_tls.into()),
        ("reel".to_owned(), "120s".into()),
    ]);
    if let Some(login) = login {
        table.insert("user".to_owned(), login.user.clone().into());
        table.insert("password_env".to_owned(), PASSWORD.into());
    }
    let mut text = String::from(
        "node = { region = \"probe\", site = \"probe\", name = \"probe\" }\nmqtt = { host = \"127.0.0.1\" }\n",
    );
    write!(text, "[[cameras]]\n{}", toml::to_string(&table)?)?;
    let password = login.map(|login| login.password.reveal().to_owned());
    let environment = |name: &str| password.clone().filter(|_| name == PASSWORD);
    let settings = config::load_text(Path::new("probe"), text, &environment)?;
    let camera = settings.cameras.into_iter().next();
    let camera = camera.context("no camera is left")?;
    match camera.fault {
        Some(why) => bail!(why),
        None => Ok(camera),
    }
}

fn watch(camera: &CameraSettings, time: Duration) -> anyhow::Result<Found> {
    let outputs = Outputs {
        reel: Arc::new(Mutex::new(Reel::new(time * 2, MAX_BYTES))),
        mailbox: Arc::new(Mailbox::new(Arc::<Bell>::default())),
        progress: Arc::new(Progress::default()),
        pace: Arc::new(Pace::new(camera.analysis_fps)),
    };
    let cancel = CancellationToken::new();
    let (ours, theirs, stop) = (camera.clone(), outputs.clone(), cancel.clone());
    let thread = thread::Builder::new()
        .name("probe".to_owned())
        .spawn(move || stream(&ours, Part::Whole, &theirs, &stop))?;
    wait(&outputs.progress, time, &thread);
    cancel.cancel();
    let ended: Result<(), CameraError> = thread
        .join()
        .map_err(|_| anyhow::anyhow!("the stream's thread panicked"))?;
    let units = outputs
        .reel
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .since(Duration::ZERO);
    let measured: Vec<Unit> = (units.iter())
        .map(|unit| Unit {
            at: unit.stamps.at,
            key: unit.key,
            bytes: unit.bytes,
        })
        .collect();
    let Some(figures) = Figures::of(&measured) else {
        ended?;
        bail!("no two pictures came within {} s", time.as_secs());
    };
    let first = units.first().context("no picture came")?;
    Ok(Found {
        figures,
        codec: first
            .codec()
            .map_or("unknown", |codec| codec.as_str())
            .to_owned(),
        size: first.size(),
        clock: outputs.progress.clock_ahead(),
        lost: outputs.progress.packets_lost.load(Ordering::Relaxed),
        frame: outputs.mailbox.take(),
        hardware: outputs.progress.is_decoded_by_hardware(),
    })
}

/// Until pictures have come for so long, or the stream has ended.
fn wait(progress: &Progress, time: Duration, stream: &thread::JoinHandle<Result<(), CameraError>>) {
    const LOOK: Duration = Duration::from_millis(100);
    let mut began = None;
    let shown = io::stderr().is_terminal();
    while !stream.is_finished() {
        let units = progress.units.load(Ordering::Relaxed);
        let since = began.filter(|_| units > 0);
        if units > 0 {
            began.get_or_insert_with(Instant::now);
        }
        if since.is_some_and(|since: Instant| since.elapsed() >= time) {
            break;
        }
        if shown {
            drop(write!(io::stderr(), "\r{units} pictures "));
        }
        thread::sleep(LOOK);
    }
    if shown {
        drop(write!(io::stderr(), "\r                    \r"));
    }
}

/// What is to be set, and what to be told to whoever sets the camera itself.
#[derive(Debug, Default, PartialEq)]
struct Advice {
    /// Keys of the camera with their values.
    settings: Vec<(&'static str, toml::Value)>,
    notes: Vec<String>,
}

fn advice(found: &Found, args: &ProbeArgs) -> Advice {
    let Found {
        figures,
        codec,
        size,
        clock,
        lost,
        ..
    } = found;
    let mut advice = Advice::default();
    let rate = figures.fps.min(5.0);
    advice
        .settings
        .push(("analysis_fps", ((rate * 10.0).round() / 10.0).into()));
    let key_every = figures.group.map(|(_, time)| time);
    let encoded = codec != "mjpeg" && key_every.is_some_and(|time| time <= Duration::from_secs(4));
    advice
        .settings
        .push(("gate", if encoded { "encoded" } else { "motion" }.into()));
    let note = &mut advice.notes;
    match key_every {
        Some(time) if time > Duration::from_secs(4) => note.push(format!(
            "a key picture comes every {:.1} s: clips and a stream that is lost begin there. Set two seconds in the camera",
            time.as_secs_f64()
        )),
        None if codec != "mjpeg" => note.push(format!(
            "no two key pictures came in {} s: set one every two seconds in the camera",
            args.seconds
        )),
        _ => {}
    }
    if codec == "mjpeg" {
        note.push("Motion JPEG takes ten times the link of H.264: set H.264 or H.265 in the camera if it has it".to_owned());
    }
    if size.is_some_and(|(width, _)| width > 1920) {
        note.push("it is large to be decoded all the time: name a smaller stream of the same view as substream".to_owned());
    }
    if figures.fps < 5.0 {
        note.push(format!(
            "{:.1} pictures a second are few to follow who runs: set 10 or more",
            figures.fps
        ));
    }
    match clock {
        None => note.push("the camera says nothing of its clock (no RTCP sender reports): times are those of arrival".to_owned()),
        Some(ahead) if ahead.unsigned_abs() > Duration::from_secs(1) => {
            note.push("set the camera's clock by NTP: beyond 60 s it is not believed".to_owned());
        }
        Some(_) => {}
    }
    if *lost > 0 && args.transport == "udp" {
        note.push("packets are lost: use TCP".to_owned());
    }
    if figures.mode == RateMode::Variable {
        note.push("a variable bit rate peaks when most is to be seen: bound it in the camera where the link is thin".to_owned());
    }
    advice
}

fn told(found: &Found, advice: &Advice) -> String {
    let Figures {
        fps,
        group,
        bit_rate,
        mode,
    } = &found.figures;
    let mut lines: Vec<(&str, String)> = vec![("codec", found.codec.clone())];
    lines.extend(
        found
            .size
            .map(|(width, height)| ("size", format!("{width} x {height}"))),
    );
    lines.push(("rate", format!("{fps:.1} pictures a second")));
    lines.push((
        "key picture",
        group.map_or("not two were seen".to_owned(), |(units, time)| {
            format!("every {units:.0} pictures, {:.1} s", time.as_secs_f64())
        }),
    ));
    lines.push((
        "bit rate",
        format!("{:.0} kbit/s, {mode}", bit_rate / 1000.0),
    ));
    lines.push((
        "clock",
        found.clock.map_or("not said".to_owned(), |ahead| {
            format!("{:+.1} s to this machine's", ahead.as_secs_f64())
        }),
    ));
    lines.push(("packets lost", found.lost.to_string()));
    let by = if found.hardware {
        "hardware"
    } else {
        "software"
    };
    lines.push(("decoded by", by.to_owned()));
    let mut text: String = lines
        .iter()
        .map(|(name, value)| format!("{name:14}{value}\n"))
        .collect();
    text.push_str("\nsuggested:\n");
    advice
        .settings
        .iter()
        .for_each(|(key, value)| text += &format!("  {key} = {value}\n"));
    advice
        .notes
        .iter()
        .for_each(|note| text += &format!("- {note}\n"));
    text
}

/// Writes the camera's file, which is new, and its password, for nobody else to read.
fn write_camera(
    folder: &Path,
    id: &str,
    url: &str,
    login: Option<&Login>,
    args: &ProbeArgs,
    advice: &Advice,
) -> anyhow::Result<()> {
    id.parse::<protocol::Name>()
        .with_context(|| format!("--id {id:?}"))?;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let file = folder.join(format!("{id}.toml"));
    let mut table = vec![("id", id.into()), ("url", url.into())];
    if let Some(login) = login {
        let beside = folder.canonicalize()?.join(format!("{id}.password"));
        let path = args
            .password_file
            .as_ref()
            .map_or(Ok(beside.clone()), |path| path.canonicalize())?;
        if path == beside {
            new_file(&path, 0o600, &format!("{}\n", login.password.reveal()))?;
        }
        table.push(("user", login.user.clone().into()));
        table.push(("password_file", path.to_string_lossy().into_owned().into()));
    }
    table.push(("transport", args.transport.clone().into()));
    if args.insecure_tls {
        table.push(("insecure_tls", true.into()));
    }
    table.extend(advice.settings.clone());
    let keys: String = table
        .iter()
        .map(|(key, value): &(&str, toml::Value)| format!("{key} = {value}\n"))
        .collect();
    let text = format!(
        "[[cameras]]\n{keys}\n\
         # What it watches for: a preset (`edge-agent config presets`), whose zones are drawn here, or rules of its own.\n\
         # preset = \"crossroads\"\n\n\
         # [[cameras.zones]]\n# id = \"gate\"\n# polygon = [[0.1, 0.5], [0.9, 0.5], [0.9, 0.9], [0.1, 0.9]]\n"
    );
    new_file(&file, 0o644, &text)?;
    say(&format!(
        "{}: check it with `edge-agent config check`",
        file.display()
    ));
    Ok(())
}

fn new_file(path: &Path, mode: u32, text: &str) -> anyhow::Result<()> {
    let place = || path.display().to_string();
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path);
    file.with_context(place)?
        .write_all(text.as_bytes())
        .with_context(place)
}
