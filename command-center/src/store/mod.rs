//! What the centre remembers: incidents, nodes, evidence, people and what they did.
//!
//! [`Store`]'s methods are the whole contract: they speak in `protocol`, `view` and plain types, so that another
//! database can stand behind the same names. Here it is one SQLite file in WAL mode. One thread writes; readers have
//! connections of their own and wait for nobody. What a method has answered is on the disk.

mod audit;
mod command;
mod custody;
mod evidence;
mod incident;
mod node;
mod people;
mod push;
mod reach;
mod read;
mod record;
mod schema;
mod sequence;
mod session;
mod totals;
mod verdict;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use protocol::Utc;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot, watch};

pub use audit::AuditQuery;
pub use command::DueCommand;
pub use custody::Attested;
pub use people::Account;
pub use push::DuePush;
pub use read::{Change, ChangeBatch, EvidenceFile, IncidentQuery};
pub use record::{Delivery, Outcome};
pub use session::Session;
pub use totals::TotalsQuery;
pub use verdict::Judgement;

use evidence::EvidenceFolder;

/// Jobs that wait for the writer; a caller waits when it is full.
const WRITER_QUEUE: usize = 64;
/// Reading connections that are kept open for the next reader.
const IDLE_READERS: usize = 8;

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
    /// A file could not be written or read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The database was written by a newer version.
    #[error(
        "the database has version {found}, this program knows up to {known}: use the newer program"
    )]
    TooNew {
        /// Its version.
        found: usize,
        /// The newest that is known.
        known: usize,
    },
    /// What the database holds cannot be read as what was written.
    #[error("the database holds a broken {0}")]
    Broken(&'static str),
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// A user of that name is there already.
    #[error("a user named {0:?} is there already")]
    UserExists(String),
    /// Nobody would be left who can decide who may do what.
    #[error("{0:?} is the last administrator of everything: make another one first")]
    LastAdministrator(String),
    /// No user has that name.
    #[error("there is no user named {0:?}")]
    NoSuchUser(String),
}

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

enum Order {
    Run(Job),
    Close,
}

/// Handle to the store; clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    database: PathBuf,
    evidence: EvidenceFolder,
    writer: mpsc::Sender<Order>,
    thread: Mutex<Option<JoinHandle<()>>>,
    readers: Mutex<Vec<Connection>>,
    latest_change: watch::Sender<i64>,
}

impl Store {
    /// Opens or makes the store in `folder`. Parts of evidence longer than `evidence_max_bytes` will be refused.
    ///
    /// # Errors
    /// If the folder cannot be made, or holds a database that this program cannot use.
    pub fn open(folder: &Path, evidence_max_bytes: u64) -> Result<Store, StoreError> {
        let evidence = EvidenceFolder::open(&folder.join("evidence"), evidence_max_bytes)?;
        let database = folder.join("centre.sqlite3");
        let mut connection = Connection::open(&database)?;
        schema::prepare(&connection)?;
        schema::migrate(&mut connection)?;
        let (latest_change, _) = watch::channel(read::latest_change(&connection)?);
        let (writer, orders) = mpsc::channel(WRITER_QUEUE);
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || write_until_closed(connection, orders))
            .map_err(|source| StoreError::File {
                path: database.clone(),
                source,
            })?;
        Ok(Store {
            inner: Arc::new(Inner {
                database,
                evidence,
                writer,
                thread: Mutex::new(Some(thread)),
                readers: Mutex::new(Vec::new()),
                latest_change,
            }),
        })
    }

    /// Id of the newest change; consoles wait on it.
    pub fn latest_change(&self) -> watch::Receiver<i64> {
        self.inner.latest_change.subscribe()
    }

    /// Commits deliveries in one transaction, in their order; a duplicate changes nothing, and what cannot be taken is
    /// parked with the reason.
    ///
    /// # Errors
    /// If the disk or the database fails; then nothing of the batch was committed.
    pub async fn record(&self, batch: Arc<Vec<Delivery>>) -> Result<Vec<Outcome>, StoreError> {
        let evidence = self.inner.evidence.clone();
        self.write(move |connection| record::record(connection, &evidence, &batch))
            .await
    }

    /// Finishes what was asked before, and closes the database.
    pub async fn close(&self) {
        if self.inner.writer.send(Order::Close).await.is_err() {
            return;
        }
        let thread = lock(&self.inner.thread).take();
        let joined = tokio::task::spawn_blocking(move || thread.map(JoinHandle::join)).await;
        if !matches!(joined, Ok(Some(Ok(())))) {
            tracing::error!("the store's writer did not end well");
        }
        lock(&self.inner.readers).clear();
    }

    /// Runs `job` on the writer's thread and then tells the consoles of what changed.
    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let latest_change = self.inner.latest_change.clone();
        let order = Order::Run(Box::new(move |connection| {
            let result = job(connection);
            if let Ok(id) = read::latest_change(connection) {
                latest_change.send_if_modified(|latest| std::mem::replace(latest, id) != id);
            }
            if answer.send(result).is_err() {
                tracing::debug!("nobody waited for a write");
            }
        }));
        let sent = self.inner.writer.send(order).await;
        sent.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }

    /// Runs `job` on a reading connection, away from the async threads.
    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.inner);
        let work = tokio::task::spawn_blocking(move || {
            let idle = lock(&inner.readers).pop();
            let connection = match idle {
                Some(connection) => connection,
                None => open_reader(&inner.database)?,
            };
            let result = read_in_one_transaction(&connection, job);
            let mut readers = lock(&inner.readers);
            if readers.len() < IDLE_READERS {
                readers.push(connection);
            }
            result
        });
        work.await.map_err(|_| StoreError::Closed)?
    }
}

fn read_in_one_transaction<T>(
    connection: &Connection,
    job: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let tx = connection.unchecked_transaction()?;
    let answer = job(&tx)?;
    tx.finish()?;
    Ok(answer)
}

fn open_reader(database: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(connection)
}

fn write_until_closed(mut connection: Connection, mut orders: mpsc::Receiver<Order>) {
    while let Some(Order::Run(job)) = orders.blocking_recv() {
        job(&mut connection);
    }
}

/// A lock whose holder panicked guards plain data that is whole at every step.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn micros(time: Utc) -> i64 {
    time.as_microsecond()
}

fn time(micros: i64) -> Result<Utc, StoreError> {
    Utc::from_microsecond(micros).map_err(|_| StoreError::Broken("time"))
}
