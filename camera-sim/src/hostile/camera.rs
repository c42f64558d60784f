//! One hostile camera: what it shows, how it behaves at this moment, and who is connected to it.

use std::{
    net::{Shutdown, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    film::{Film, FilmError, Look, Source},
    order::{Answer, Order, Reports},
    packet::TICKS,
};

/// How it behaves. The default is a camera as it should be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Manners {
    pub(super) silent: bool,
    pub(super) frozen: bool,
    pub(super) drop: f32,
    pub(super) delay: Duration,
    pub(super) reorder: f32,
    pub(super) corrupt: f32,
    pub(super) wrap: bool,
    pub(super) reports: Reports,
    /// Seconds that the camera's clock is early.
    pub(super) clock: f64,
    /// Millionths that the camera's clock is fast.
    pub(super) drift: f64,
    /// Most sessions at a time; 0 is any number.
    sessions: usize,
    pub(super) answer: Answer,
    /// RTP ticks of all jumps so far. RTP times have no end, so that they may wrap here too.
    pub(super) jumped: u32,
}

/// Which of a camera's streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// The large one.
    Main,
    /// The small one beside it.
    Sub,
}

/// A client's connection: requests come in and packets go out on it.
#[derive(Debug)]
pub(super) struct Line {
    /// Whole messages are written while it is held.
    pub(super) out: Mutex<TcpStream>,
    closed: AtomicBool,
}

impl Line {
    pub(super) fn new(out: TcpStream) -> Arc<Self> {
        Arc::new(Line {
            out: Mutex::new(out),
            closed: AtomicBool::new(false),
        })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Whoever reads or writes it leaves soon; the last one to leave closes it.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// From here on the connection ends with a TCP reset: nothing is sent any more, and what lies in buffers is lost.
    pub(super) fn reset(&self) {
        let out = held(&self.out);
        if let Err(error) = socket2::SockRef::from(&*out).set_linger(Some(Duration::ZERO)) {
            tracing::debug!(%error, "a connection cannot be reset");
        }
        self.close();
    }

    fn hang_up(&self) {
        self.close();
        // One that is closed already is what was wanted.
        drop(held(&self.out).shutdown(Shutdown::Both));
    }
}

/// A camera.
#[derive(Debug)]
pub(super) struct Camera {
    pub(super) mount: String,
    source: Source,
    sub: Arc<Film>,
    state: Mutex<State>,
    lines: Mutex<Vec<Weak<Line>>>,
    sessions: Mutex<Vec<Session>>,
}

/// A client's session, by the number of its conversation.
#[derive(Debug)]
struct Session {
    number: u64,
    /// When its client left without a word.
    left: Option<Instant>,
}

/// How long the session of a client that left without a word keeps its place. Cameras keep it for a minute; this is
/// shorter for the sake of those who wait.
const STALE: Duration = Duration::from_secs(6);

#[derive(Debug)]
struct State {
    film: Arc<Film>,
    manners: Manners,
}

/// A lock whose owner panicked still guards whole values: every change is a store.
pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Camera {
    /// A camera that behaves well, with its films.
    pub(super) fn new(mount: String, source: Source, look: Look) -> Result<Self, FilmError> {
        let film = Arc::new(Film::shoot(&source, look)?);
        let sub = Arc::new(Film::shoot(&source, beside(look))?);
        Ok(Camera {
            mount,
            source,
            sub,
            state: Mutex::new(State {
                film,
                manners: Manners::default(),
            }),
            lines: Mutex::default(),
            sessions: Mutex::default(),
        })
    }

    /// Behaviour and picture of this moment.
    pub(super) fn now(&self, stream: Stream) -> (Manners, Arc<Film>) {
        let state = held(&self.state);
        let film = match stream {
            Stream::Main => &state.film,
            Stream::Sub => &self.sub,
        };
        (state.manners, Arc::clone(film))
    }

    /// The next SDP of the corpus is another one.
    pub(super) fn next_sdp(&self) {
        if let Answer::Sdp(seed) = &mut held(&self.state).manners.answer {
            *seed = seed.wrapping_add(1);
        }
    }

    /// Takes the client of a conversation in, if there is a place.
    pub(super) fn admit(&self, number: u64) -> bool {
        let most = held(&self.state).manners.sessions;
        let mut sessions = held(&self.sessions);
        sessions.retain(|session| session.left.is_none_or(|left| left.elapsed() < STALE));
        let known = sessions.iter().any(|session| session.number == number);
        if !known && (most == 0 || sessions.len() < most) {
            sessions.push(Session { number, left: None });
            return true;
        }
        known
    }

    /// The session of a conversation was torn down.
    pub(super) fn torn_down(&self, number: u64) {
        held(&self.sessions).retain(|session| session.number != number);
    }

    /// A conversation is over: what session it still has is stale from now on.
    pub(super) fn left(&self, number: u64) {
        for session in held(&self.sessions).iter_mut() {
            if session.number == number {
                session.left = Some(Instant::now());
            }
        }
    }

    /// Remembers a connection, so that it can be cut.
    pub(super) fn joined(&self, line: &Arc<Line>) {
        let mut lines = held(&self.lines);
        lines.retain(|line| line.strong_count() > 0);
        if !lines
            .iter()
            .any(|other| other.as_ptr() == Arc::as_ptr(line))
        {
            lines.push(Arc::downgrade(line));
        }
    }

    /// Does what it is told. A new look is filmed first, on the caller's thread.
    ///
    /// # Errors
    /// [`FilmError`] where there is no film of that look.
    pub(super) fn obey(&self, order: Order) -> Result<(), FilmError> {
        let film = match order {
            Order::Show(look) => Some(Arc::new(Film::shoot(&self.source, look)?)),
            _ => None,
        };
        let mut state = held(&self.state);
        if let Some(film) = film {
            state.film = film;
        }
        behave(&mut state.manners, order);
        drop(state);
        let lines = || held(&self.lines).clone().into_iter();
        match order {
            Order::Reset => lines()
                .filter_map(|line| line.upgrade())
                .for_each(|line| line.reset()),
            Order::HangUp => lines()
                .filter_map(|line| line.upgrade())
                .for_each(|line| line.hang_up()),
            _ => {}
        }
        Ok(())
    }
}

fn behave(manners: &mut Manners, order: Order) {
    match order {
        Order::Well => {
            let jumped = manners.jumped;
            *manners = Manners {
                jumped,
                ..Manners::default()
            };
        }
        Order::Silence(on) => manners.silent = on,
        Order::Freeze(on) => manners.frozen = on,
        Order::Drop(share) => manners.drop = share,
        Order::Delay(most) => manners.delay = most,
        Order::Reorder(share) => manners.reorder = share,
        Order::Corrupt(share) => manners.corrupt = share,
        Order::Wrap(on) => manners.wrap = on,
        Order::Reports(reports) => manners.reports = reports,
        Order::Clock(seconds) => manners.clock = seconds,
        Order::Drift(millionths) => manners.drift = millionths,
        Order::Sessions(most) => manners.sessions = most,
        Order::Answer(answer) => manners.answer = answer,
        Order::Jump(seconds) => {
            let ticks = (seconds * TICKS as f64) as i64;
            // RTP times count modulo 2^32: what is cut off is what they do not say.
            manners.jumped = manners.jumped.wrapping_add(ticks as u32);
        }
        Order::Reset | Order::HangUp | Order::Show(_) => {}
    }
}

/// The small stream beside one of this look: half as wide and high, at most 5 pictures a second.
fn beside(look: Look) -> Look {
    let mut small = look;
    small.size.width = (look.size.width / 4 * 2).max(64);
    small.size.height = (look.size.height / 4 * 2).max(64);
    small.fps = look.fps.min(5);
    small
}
