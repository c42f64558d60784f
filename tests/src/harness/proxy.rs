//! A TCP proxy on the loopback interface that does to a connection what a mobile link does: delay, a narrow rate, a
//! stall, silence, a refusal, and a cut at any byte of either direction.
//!
//! It forwards bytes and never looks into them. A rate is honest: little is buffered here and in the sockets, so that
//! what is too much waits at its sender.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use anyhow::Context;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpSocket, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};

/// Bytes that are passed on at a time; small, so that a narrow rate flows evenly.
const CHUNK: usize = 512;
/// Chunks on their way through the proxy where the rate is not limited.
const AHEAD: usize = 64;
/// Socket buffers of a narrow link in bytes; the kernel doubles it and has a least size of its own.
const NARROW_BUFFER: u32 = 4096;
/// The direction from the edge to the broker.
const UP: usize = 0;
/// And back.
const DOWN: usize = 1;

/// What happens to the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They pass.
    Open,
    /// They wait here, in both directions, until the way is open again.
    Stalled,
    /// They are read and lost: the sender believes that they arrive.
    BlackHole,
    /// Connections are reset, those that stand and new ones.
    Refused,
}

/// How the link is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conduct {
    /// What happens to the bytes.
    pub way: Way,
    /// How long each byte is on its way, in each direction.
    pub delay: Duration,
    /// Bytes a second in each direction; None: as fast as they come. Holds for connections made from now on.
    pub rate: Option<u32>,
    /// What comes from the broker goes on only so often, all that waits at once; None: as it comes.
    pub batch: Option<Duration>,
    /// Each new connection is reset after a random number of bytes of one direction: of the edge's up to the first
    /// figure, or of the broker's up to the second. (0, 0): it is not.
    pub cut_within: (u64, u64),
}

impl Conduct {
    /// A good link.
    pub const GOOD: Conduct = Conduct {
        way: Way::Open,
        delay: Duration::ZERO,
        rate: None,
        batch: None,
        cut_within: (0, 0),
    };
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    cuts: AtomicU64,
    /// Bytes passed on to the broker, and back.
    carried: [AtomicU64; 2],
}

/// See the module. Its connections are gone when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    conduct: watch::Sender<Conduct>,
    /// A change resets all connections.
    generation: watch::Sender<u64>,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
    stop: watch::Sender<bool>,
}

impl Proxy {
    /// Listens on a free port and forwards to `target` on the loopback interface. `seed` chooses where it cuts.
    ///
    /// # Errors
    /// If there is no port or no thread.
    pub fn start(target: u16, seed: u64) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = runtime
            .block_on(async {
                let socket = TcpSocket::new_v4()?;
                // Accepted connections inherit it: what the sender may have on its way to a narrow link stays small.
                socket.set_recv_buffer_size(NARROW_BUFFER)?;
                socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
                socket.listen(64)
            })
            .context("proxy: no port")?;
        let port = listener.local_addr()?.port();
        let (conduct, seen) = watch::channel(Conduct::GOOD);
        let (generation, generations) = watch::channel(0);
        let (stop, mut stopped) = watch::channel(false);
        let counts = Arc::new(Counts::default());
        let gate = Gate {
            target: (Ipv4Addr::LOCALHOST, target).into(),
            conduct: seen,
            generation: generations,
            counts: Arc::clone(&counts),
        };
        let thread = std::thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = serve(listener, gate, StdRng::seed_from_u64(seed)) => {}
                        _ = stopped.changed() => {}
                    }
                });
            })?;
        Ok(Proxy {
            port,
            conduct,
            generation,
            counts,
            thread: Some(thread),
            stop,
        })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on the link is like this.
    pub fn set(&self, conduct: Conduct) {
        let refused = conduct.way == Way::Refused;
        self.conduct.send_replace(conduct);
        if refused {
            self.cut();
        }
    }

    /// Resets the connections that stand.
    pub fn cut(&self) {
        self.generation.send_modify(|number| *number += 1);
    }

    /// How many connections were made.
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// Bytes that were passed on to the broker, and from it, over all connections; without headers of TCP.
    pub fn carried(&self) -> (u64, u64) {
        let [up, down] = &self.counts.carried;
        (up.load(Ordering::Relaxed), down.load(Ordering::Relaxed))
    }

    /// How many were cut at a random byte.
    pub fn cuts(&self) -> u64 {
        self.counts.cuts.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the proxy panicked");
        }
    }
}

/// What each connection needs to know.
#[derive(Clone)]
struct Gate {
    target: SocketAddr,
    conduct: watch::Receiver<Conduct>,
    generation: watch::Receiver<u64>,
    counts: Arc<Counts>,
}

async fn serve(listener: TcpListener, gate: Gate, mut random: StdRng) {
    // Connections end with their task, tasks end with this set.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                gate.counts.connections.fetch_add(1, Ordering::Relaxed);
                let limits = limits(gate.conduct.borrow().cut_within, &mut random);
                connections.spawn(connection(stream, gate.clone(), limits));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// After how many bytes of each direction a connection is cut.
fn limits((up, down): (u64, u64), random: &mut StdRng) -> [Option<u64>; 2] {
    match (up, down) {
        (0, 0) => [None, None],
        (up, 0) => [Some(random.random_range(1..=up)), None],
        (0, down) => [None, Some(random.random_range(1..=down))],
        (up, _) if random.random_bool(0.5) => [Some(random.random_range(1..=up)), None],
        (_, down) => [None, Some(random.random_range(1..=down))],
    }
}

async fn connection(mut near: TcpStream, mut gate: Gate, limits: [Option<u64>; 2]) {
    if gate.conduct.borrow().way == Way::Refused {
        reset(&near);
        return;
    }
    let Ok(mut far) = connect(gate.target).await else {
        reset(&near);
        return;
    };
    gate.generation.mark_unchanged();
    let (near_read, near_write) = near.split();
    let (far_read, far_write) = far.split();
    let lane = |side: usize| Lane {
        conduct: gate.conduct.clone(),
        counts: Arc::clone(&gate.counts),
        side,
        limit: limits[side],
    };
    let up = pump(near_read, far_write, lane(UP));
    let down = pump(far_read, near_write, lane(DOWN));
    let end = tokio::select! {
        end = async { tokio::try_join!(up, down) } => end,
        _ = gate.generation.changed() => Err(End::Reset),
    };
    let Err(end) = end else {
        return;
    };
    reset(&near);
    reset(&far);
    if end == End::Cut {
        gate.counts.cuts.fetch_add(1, Ordering::Relaxed);
    }
}

/// Lets a connection end with a reset, not in order: neither side may believe that the other has read everything.
fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set_zero_linger() {
        tracing::warn!(%error, "proxy: a connection ends in order that should be reset");
    }
}

async fn connect(target: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(NARROW_BUFFER)?;
    let stream = socket.connect(target).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// How a direction ended other than in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// By one of the two sides, or by what the link does.
    Reset,
    /// Here, at the byte that was chosen.
    Cut,
}

/// What a direction needs to know.
#[derive(Clone)]
struct Lane {
    conduct: watch::Receiver<Conduct>,
    counts: Arc<Counts>,
    /// [`UP`] or [`DOWN`].
    side: usize,
    /// The connection is cut after so many bytes.
    limit: Option<u64>,
}

impl Lane {
    /// When bytes that came just now may go on; `begun`: when the direction was.
    fn due(&self, begun: Instant) -> Instant {
        let link = self.conduct.borrow();
        let due = Instant::now() + link.delay;
        let Some(every) = link.batch.filter(|_| self.side == DOWN) else {
            return due;
        };
        let turns = (due - begun).as_secs_f64() / every.as_secs_f64();
        begun + every.mul_f64(turns.ceil())
    }
}

/// Carries one direction: a reader that stamps chunks, and a writer that lets each go when it is due.
async fn pump(from: ReadHalf<'_>, to: WriteHalf<'_>, lane: Lane) -> Result<(), End> {
    let link = lane.conduct.borrow().clone();
    // On a narrow link as much is on its way as the delay holds. Loss policy: the reader waits, and so the sender.
    let ahead = link.rate.map_or(AHEAD, |rate| {
        (f64::from(rate) * link.delay.as_secs_f64()) as usize / CHUNK + 2
    });
    let (sender, chunks) = mpsc::channel(ahead);
    // The reader's end, in order or not, is passed on when all before it is written; a writer that fails ends both.
    let (ended, wrote) = tokio::join!(
        read(from, sender, lane.clone()),
        write(to, chunks, lane, link.rate)
    );
    let mut to = wrote?;
    ended?;
    to.shutdown().await.map_err(|_| End::Reset)
}

async fn read(
    mut from: ReadHalf<'_>,
    chunks: mpsc::Sender<(Instant, Vec<u8>)>,
    lane: Lane,
) -> Result<(), End> {
    let begun = Instant::now();
    let mut buffer = [0; CHUNK];
    loop {
        let count = tokio::select! {
            read = from.read(&mut buffer) => read.map_err(|_| End::Reset)?,
            () = chunks.closed() => return Ok(()),
        };
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        if chunks
            .send((lane.due(begun), bytes.to_vec()))
            .await
            .is_err()
        {
            return Ok(());
        }
    }
}

async fn write(
    mut to: WriteHalf<'_>,
    mut chunks: mpsc::Receiver<(Instant, Vec<u8>)>,
    mut lane: Lane,
    rate: Option<u32>,
) -> Result<WriteHalf<'_>, End> {
    let mut left = lane.limit.unwrap_or(u64::MAX);
    let mut free = Instant::now();
    while let Some((due, mut bytes)) = chunks.recv().await {
        sleep_until(due).await;
        if let Some(rate) = rate {
            // A bucket of one chunk: the next may go when this one has been sent.
            let takes = Duration::from_secs_f64(bytes.len() as f64 / f64::from(rate));
            free = free.max(Instant::now()) + takes;
            sleep_until(free).await;
        }
        let way = lane
            .conduct
            .wait_for(|conduct| conduct.way != Way::Stalled)
            .await;
        match way.map(|conduct| conduct.way) {
            Err(_) | Ok(Way::Refused) => return Err(End::Reset),
            Ok(Way::BlackHole) => continue,
            Ok(Way::Open | Way::Stalled) => {}
        }
        let cut = left <= bytes.len() as u64;
        if cut {
            bytes.truncate(left as usize);
        }
        left -= bytes.len() as u64;
        if to.write_all(&bytes).await.is_err() {
            return Err(End::Reset);
        }
        let carried = &lane.counts.carried[lane.side];
        carried.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        if cut {
            return Err(End::Cut);
        }
    }
    Ok(to)
}
