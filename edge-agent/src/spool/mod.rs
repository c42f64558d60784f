//! Durable messages on their way out: numbered, committed and synced before anybody sends them, deleted only by an
//! acknowledgement or a counted decision of the quota.
//!
//! One thread owns the database; everybody else holds a [`Spool`] and waits for answers. What waits at the same time
//! shares one commit. The spool is the only authority for sending again: nothing here is kept in memory alone, and a
//! disk that fails is an error to the caller and a fault in [`SpoolStats`], never a reason to buffer.

mod chain;
mod export;
pub(crate) mod file;
mod listing;
mod quota;
mod room;
mod salvage;
mod store;
mod tombstones;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use protocol::Severity;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::error;
use uuid::Uuid;

use crate::custody::{Attest, Custodian};

pub use export::{Export, export};
pub use listing::{Row, inspect};
pub use quota::{LOG, Quota, room};
pub use store::Store;

/// Commands that may wait for the spool's thread; more wait at the sender, nothing is dropped.
const QUEUE: usize = 1024;
/// At most so many commands share one commit.
const GROUP: usize = 256;

/// What a record is, most important first. The quota gives up the least important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
pub enum Class {
    /// A change in an incident's life.
    Incident,
    /// Other messages that must arrive.
    Status,
    /// A small picture.
    Thumbnail,
    /// A picture.
    Snapshot,
    /// Video.
    Clip,
    /// Figures.
    Telemetry,
}

impl Class {
    /// Every class, most important first.
    pub const ALL: [Class; 6] = [
        Class::Incident,
        Class::Status,
        Class::Thumbnail,
        Class::Snapshot,
        Class::Clip,
        Class::Telemetry,
    ];

    /// Its name in figures and listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Incident => "incident",
            Class::Status => "status",
            Class::Thumbnail => "thumbnail",
            Class::Snapshot => "snapshot",
            Class::Clip => "clip",
            Class::Telemetry => "telemetry",
        }
    }
}

/// What has become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum State {
    /// It is to be sent.
    Waits = 0,
    /// The broker can never take it.
    SetAside = 1,
    /// The quota gave it up; the payload is gone.
    GivenUp = 2,
}

/// Fills in a record's payload once its boot and place in the order are known.
pub type Payload = Box<dyn FnOnce(Uuid, u64) -> Vec<u8> + Send>;

/// A record to be appended.
pub struct NewRecord {
    /// What it is.
    pub class: Class,
    /// How much it matters within its class.
    pub severity: Severity,
    /// Where it goes.
    pub topic: String,
    /// What it says.
    pub payload: Payload,
    /// What manifests say of it, if the node is to sign for it.
    pub attest: Option<Attest>,
}

/// A record that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number in this spool, over all boots, in the order of appending; below zero for word of what was given up,
    /// which is made anew until it is acknowledged.
    pub number: i64,
    /// The boot that `seq` counts in.
    pub bootid: Uuid,
    /// Its place in the order of that boot, from 1 without gaps.
    pub seq: u64,
    /// What it is.
    pub class: Class,
    /// Where it goes.
    pub topic: String,
    /// What it says.
    pub payload: Vec<u8>,
}

/// Where a record was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Its number in this spool.
    pub number: i64,
    /// Its place in the order of this boot.
    pub seq: u64,
}

/// The spool's figures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpoolStats {
    /// Records that wait.
    pub pending: u64,
    /// Their payloads in bytes.
    pub bytes: u64,
    /// What they, and payloads set aside, take on the disk, as [`room`] reckons it.
    pub room: u64,
    /// What those that wait of each class take, in the order of [`Class::ALL`].
    pub classes: [u64; Class::ALL.len()],
    /// Records whose payloads were set aside and are still here.
    pub kept_aside: u64,
    /// Highest `seq` of this boot.
    pub last_seq: u64,
    /// Number of the latest record.
    pub last_number: i64,
    /// Records that the quota gave up since the start.
    pub given_up: u64,
    /// Records given up or set aside of which the centre has not been told.
    pub untold: u64,
    /// Records set aside because the broker can never take them, since the start.
    pub set_aside: u64,
    /// What is wrong with the disk, if the latest command failed.
    pub fault: Option<String>,
    /// Damaged files that were put aside, and lie there until somebody has dealt with them.
    pub damaged: Vec<PathBuf>,
    /// What became of the latest of them, if that was since the start.
    pub salvaged: Option<String>,
}

impl SpoolStats {
    /// At least as many messages as there are to send: records that wait, and word of those that will not come.
    pub fn to_send(&self) -> u64 {
        self.pending + self.untold
    }

    /// Damaged files that were put aside and are still there; where that cannot be told, they are. Looks on the disk.
    pub fn damaged_files(&self) -> Vec<&Path> {
        let files = self.damaged.iter().map(PathBuf::as_path);
        files
            .filter(|file| file.try_exists().unwrap_or(true))
            .collect()
    }

    /// What is said of damaged files until they are gone; looks for them on the disk.
    pub fn damage(&self) -> Option<String> {
        let here = self.damaged_files();
        let newest = here.last()?;
        let account = self
            .salvaged
            .as_deref()
            .unwrap_or("it was found at an earlier start");
        let files = match here.len() {
            1 => "1 damaged file was".to_owned(),
            n => format!("{n} damaged files were"),
        };
        Some(format!(
            "{files} put aside as {}: {account}; check the disk, then keep the file for whoever looks into it or delete it",
            newest.display()
        ))
    }
}

/// Why the spool cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The folder or file cannot be used.
    #[error("spool {}: {why}", path.display())]
    Open {
        /// The database file.
        path: PathBuf,
        /// What the disk or the database says.
        why: String,
    },
    /// The file was written by a later version.
    #[error("spool {} has format {found}, this version knows up to {known}: run the version that wrote it", path.display())]
    Format {
        /// The database file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The format of this version.
        known: i64,
    },
    /// A command failed; nothing of it was kept.
    #[error("{0}")]
    Disk(String),
    /// The file is damaged; nothing of the command was kept.
    #[error("{0}")]
    Damaged(String),
    /// The spool's thread has ended.
    #[error("the spool is closed")]
    Closed,
}

type Reply<T> = oneshot::Sender<Result<T, SpoolError>>;

enum Command {
    Append(Vec<NewRecord>, Reply<Vec<Appended>>),
    Pending(usize, HashSet<i64>, Reply<Vec<Record>>),
    Acknowledge(Vec<i64>, Reply<()>),
    SetAside(i64, String, Reply<()>),
}

/// A handle of the spool. The spool's thread ends when the last one is dropped.
#[derive(Clone)]
pub struct Spool {
    commands: mpsc::Sender<Command>,
    stats: watch::Receiver<SpoolStats>,
    bootid: Uuid,
}

/// What the spool's thread runs: see [`Worker::run`].
pub struct Worker {
    store: Store,
    commands: mpsc::Receiver<Command>,
    stats: watch::Sender<SpoolStats>,
}

impl Spool {
    /// Opens the spool at `path` for a new boot. Nothing moves until somebody runs the [`Worker`].
    ///
    /// # Errors
    /// If the file cannot be opened or has a later format.
    pub fn open(path: &Path, quota: Quota) -> Result<(Spool, Worker), SpoolError> {
        let store = Store::open(path, quota, Uuid::new_v4())?;
        // Loss policy: wait. A full queue holds the sender back.
        let (sender, receiver) = mpsc::channel(QUEUE);
        let (stats_sender, stats) = watch::channel(store.stats());
        let spool = Spool {
            commands: sender,
            stats,
            bootid: store.bootid(),
        };
        let worker = Worker {
            store,
            commands: receiver,
            stats: stats_sender,
        };
        Ok((spool, worker))
    }

    /// The boot that records appended now belong to.
    pub fn bootid(&self) -> Uuid {
        self.bootid
    }

    /// The figures, and a way to wait for their next change.
    pub fn stats(&self) -> watch::Receiver<SpoolStats> {
        self.stats.clone()
    }

    /// Appends records that belong together, all or none; returns after they were committed and synced.
    ///
    /// # Errors
    /// If the disk failed: none of them exists.
    pub async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Appended>, SpoolError> {
        self.ask(|reply| Command::Append(records, reply)).await
    }

    /// Up to `limit` records that wait, most important first, then oldest, without those in `skip`.
    ///
    /// # Errors
    /// If the disk failed.
    pub async fn pending(
        &self,
        limit: usize,
        skip: HashSet<i64>,
    ) -> Result<Vec<Record>, SpoolError> {
        self.ask(|reply| Command::Pending(limit, skip, reply)).await
    }

    /// Deletes records that the broker has taken.
    ///
    /// # Errors
    /// If the disk failed: they will be sent again.
    pub async fn acknowledge(&self, numbers: Vec<i64>) -> Result<(), SpoolError> {
        self.ask(|reply| Command::Acknowledge(numbers, reply)).await
    }

    /// Keeps a record that can never be sent, but out of the way.
    ///
    /// # Errors
    /// If the disk failed.
    pub async fn set_aside(&self, number: i64, why: String) -> Result<(), SpoolError> {
        self.ask(|reply| Command::SetAside(number, why, reply))
            .await
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, SpoolError> {
        let (reply, answer) = oneshot::channel();
        self.commands
            .send(command(reply))
            .await
            .map_err(|_| SpoolError::Closed)?;
        answer.await.map_err(|_| SpoolError::Closed)?
    }
}

/// An answer that is given once the commit has succeeded.
type Answer = Box<dyn FnOnce(Option<&str>) + Send>;

impl Worker {
    /// Signs for messages that are to be attested.
    #[must_use]
    pub fn signing_as(mut self, custodian: Custodian) -> Self {
        self.store.sign_as(custodian);
        self
    }

    /// Works until the last [`Spool`] is dropped. Blocks: give it a thread of its own.
    pub fn run(mut self) {
        while let Some(first) = self.commands.blocking_recv() {
            let mut group = vec![first];
            while group.len() < GROUP
                && let Ok(next) = self.commands.try_recv()
            {
                group.push(next);
            }
            if self.store.failing() {
                // What still works, such as deleting on a full disk, must not fail with the rest.
                group.into_iter().for_each(|one| self.commit(vec![one]));
            } else {
                self.commit(group);
            }
        }
    }

    /// Carries out commands in one transaction, then answers all of them. If one fails, all do: a disk that refuses
    /// one of them is not to be trusted with the others.
    fn commit(&mut self, group: Vec<Command>) {
        let mut answers: Vec<Answer> = Vec::with_capacity(group.len());
        let outcome = self.store.transaction(|store| {
            let mut outcome = Ok(());
            for command in group {
                let (answer, failure) = carry_out(store, command);
                answers.push(answer);
                outcome = outcome.and(failure.map_or(Ok(()), Err));
            }
            outcome
        });
        if let Err(SpoolError::Damaged(_)) = &outcome
            && let Err(why) = self.store.renew()
        {
            error!(%why, "the spool is damaged and cannot be begun anew");
        }
        let stats = self.store.stats();
        self.stats.send_if_modified(|old| {
            let changed = *old != stats;
            *old = stats;
            changed
        });
        let failure = outcome.err().map(|e| e.to_string());
        for answer in answers {
            answer(failure.as_deref());
        }
    }
}

/// Carries out a command; gives its answer, and why it failed if it did.
fn carry_out(store: &mut Store, command: Command) -> (Answer, Option<SpoolError>) {
    match command {
        Command::Append(records, reply) => {
            let appended = records.into_iter().map(|record| store.append(record));
            answer(reply, appended.collect())
        }
        Command::Pending(limit, skip, reply) => answer(reply, store.pending(limit, &skip)),
        Command::Acknowledge(numbers, reply) => answer(reply, store.acknowledge(&numbers)),
        Command::SetAside(number, why, reply) => answer(reply, store.set_aside(number, &why)),
    }
}

/// The answer `result`, unless the commit fails.
fn answer<T: Send + 'static>(
    reply: Reply<T>,
    result: Result<T, SpoolError>,
) -> (Answer, Option<SpoolError>) {
    let failure = result.as_ref().err().map(|e| match e {
        SpoolError::Damaged(why) => SpoolError::Damaged(why.clone()),
        other => SpoolError::Disk(other.to_string()),
    });
    let answer = Box::new(move |failure: Option<&str>| {
        let result = match failure {
            Some(why) => Err(SpoolError::Disk(why.to_owned())),
            None => result,
        };
        // The asker may have gone: its record is kept all the same.
        drop(reply.send(result));
    });
    (answer, failure)
}
