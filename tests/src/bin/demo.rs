//! `make demo`: settings from the environment, Ctrl-C, and the exit code: 0 if all went well, 1 if an incident was
//! missed, 70 if something did not run.

use std::{
    io::Write,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context;
use tests::demo::{Demo, Settings};
use tokio::signal::unix::{SignalKind, signal};

const MISSED: u8 = 1;
const BROKEN: u8 = 70;

fn main() -> ExitCode {
    match demonstrate() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(MISSED),
        Err(error) => match writeln!(std::io::stderr(), "demo: {error:#}") {
            Ok(()) | Err(_) => ExitCode::from(BROKEN),
        },
    }
}

fn demonstrate() -> anyhow::Result<bool> {
    let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
    let seconds = variable("DEMO_SECONDS").map(|text| {
        text.parse::<u64>()
            .with_context(|| format!("DEMO_SECONDS: expected a number of seconds, found {text:?}"))
    });
    let settings = Settings {
        seconds: seconds.transpose()?,
        camera: variable("CAMERA"),
        scenes: std::env::args().skip(1).collect(),
        model: variable("DEMO_MODEL"),
    };
    // Until here a signal ends this process as usual: nothing else runs yet.
    let demo = Demo::prepare(settings)?;
    let interrupted = interrupted_flag()?;
    demo.run(&|| interrupted.load(Ordering::Relaxed))
}

/// Becomes true with SIGINT or SIGTERM. Waits for them on a thread of its own.
fn interrupted_flag() -> anyhow::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        )
    };
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            });
            raised.store(true, Ordering::Relaxed);
        })?;
    Ok(flag)
}
