//! Starts the inbox of commands, and what is known of verdicts.

use std::{io, sync::Arc};

use tokio::sync::{mpsc, watch};

use crate::{
    archive::Archive,
    command::{self, Inbox, Ledger, Refusals, Verdicts},
    config::Settings,
    fleet::Lineup,
    health::Faults,
    metrics::Metrics,
    replay::ReplaySet,
    spool::Spool,
    supervisor::{Step, Supervisor},
};

/// What the inbox needs of the agent.
pub(super) struct Desk {
    pub(super) lineup: watch::Receiver<Lineup>,
    pub(super) current: watch::Receiver<Arc<Settings>>,
    pub(super) verdicts: Verdicts,
    pub(super) refusals: Arc<Refusals>,
    pub(super) faults: Arc<Faults>,
    pub(super) desired: watch::Sender<Option<Vec<u8>>>,
    pub(super) owner: mpsc::Sender<command::Asked>,
}

/// Opens what is known of verdicts, with the replay set.
pub(super) fn verdicts(
    settings: &Settings,
    archive: &Arc<Archive>,
    metrics: &Metrics,
    faults: &Faults,
) -> Verdicts {
    let figures = metrics.commands.verdicts.clone();
    let replay = ReplaySet::open(settings, Arc::clone(archive), figures);
    Verdicts::open(settings, replay, metrics, faults)
}

/// Starts to heed commands, if the configuration names a key that may give them. Where they cannot be remembered none
/// is heeded, and the health report says so: everything else goes on.
pub(super) fn start_inbox(
    supervisor: &mut Supervisor,
    settings: &Settings,
    desk: Desk,
    spool: &Spool,
    metrics: &Metrics,
) -> io::Result<Option<mpsc::Sender<command::Incoming>>> {
    if settings.command_keys.is_empty() {
        return Ok(None);
    }
    let ledger = match Ledger::open(&settings.state_dir.join("commands.db")) {
        Ok(ledger) => ledger,
        Err(why) => {
            tracing::error!("no command will be heeded: {why}");
            desk.faults.set("commands", Some(why.to_string()));
            return Ok(None);
        }
    };
    let inbox = Inbox {
        node: settings.node.clone(),
        keys: settings.command_keys.clone(),
        ledger,
        lineup: desk.lineup,
        current: desk.current,
        verdicts: desk.verdicts,
        spool: spool.clone(),
        refusals: desk.refusals,
        desired: desk.desired,
        owner: desk.owner,
        metrics: metrics.clone(),
    };
    let (sender, incoming) = mpsc::channel(command::QUEUE);
    let stop = supervisor.stop_signal(Step::Work);
    // A thread of its own: its ledger waits for the disk.
    let runtime = tokio::runtime::Handle::current();
    supervisor.thread(Step::Work, "commands", move || {
        runtime.block_on(inbox.run(incoming, stop));
    })?;
    Ok(Some(sender))
}
