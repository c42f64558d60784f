//! Packets of one session on their way: RTP and sender reports, with all that goes wrong between camera and client.

use std::{
    io::{self, Write},
    net::{SocketAddr, UdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};

use super::{
    camera::{Camera, Line, Manners, Stream, held},
    film::{Film, Shot},
    order::Reports,
    packet::{TICKS, payload_of, sender_report},
};
use crate::dice::Dice;

/// How soon a sender sees that it is to stop.
const STEP: Duration = Duration::from_millis(50);
/// Cameras send a report every 1 to 5 s.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// A session that is to wrap does so after about this.
const BEFORE_WRAP: u32 = 3 * TICKS as u32;

/// How packets reach a client.
#[derive(Debug)]
pub(super) enum Road {
    /// In the RTSP connection, on two of its channels.
    Interleaved { rtp: u8, rtcp: u8 },
    /// UDP, from two ports to two ports.
    Udp {
        rtp: (UdpSocket, SocketAddr),
        rtcp: (UdpSocket, SocketAddr),
    },
}

impl Road {
    fn send_rtp(&self, line: &Line, packet: &[u8]) -> io::Result<()> {
        match self {
            Road::Interleaved { rtp, .. } => interleave(line, *rtp, packet),
            Road::Udp { rtp, .. } => rtp.0.send_to(packet, rtp.1).map(drop),
        }
    }

    fn send_rtcp(&self, line: &Line, packet: &[u8]) -> io::Result<()> {
        match self {
            Road::Interleaved { rtcp, .. } => interleave(line, *rtcp, packet),
            Road::Udp { rtcp, .. } => rtcp.0.send_to(packet, rtcp.1).map(drop),
        }
    }
}

fn interleave(line: &Line, channel: u8, packet: &[u8]) -> io::Result<()> {
    let length = u16::try_from(packet.len()).map_err(io::Error::other)?;
    let mut framed = vec![b'$', channel];
    framed.extend(length.to_be_bytes());
    framed.extend(packet);
    held(&line.out).write_all(&framed)
}

/// One session's packets.
pub(super) struct Sender {
    camera: Arc<Camera>,
    stream: Stream,
    line: Arc<Line>,
    road: Road,
    dice: Dice,
    ssrc: u32,
    sequence: u16,
    /// RTP time of the session's start.
    first_time: u32,
    begun: Instant,
    /// What waits for its time, in the order of sending.
    waiting: Vec<(Instant, Vec<u8>)>,
    /// A packet that lets the next one go first.
    overtaken: Option<Vec<u8>>,
    /// Nothing is sent until a decoder can begin.
    needs_key: bool,
    frozen_at: Option<usize>,
    last_report: Option<Instant>,
    sent: (u32, u32),
}

impl Sender {
    pub(super) fn new(
        camera: Arc<Camera>,
        stream: Stream,
        line: Arc<Line>,
        road: Road,
        mut dice: Dice,
    ) -> Self {
        let (manners, _) = camera.now(stream);
        let wraps = manners.wrap;
        Sender {
            camera,
            stream,
            line,
            road,
            ssrc: dice.roll() as u32,
            sequence: if wraps {
                u16::MAX - 10
            } else {
                dice.roll() as u16 >> 1
            },
            first_time: if wraps {
                u32::MAX - BEFORE_WRAP
            } else {
                dice.roll() as u32 >> 1
            },
            dice,
            begun: Instant::now(),
            waiting: Vec::new(),
            overtaken: None,
            needs_key: true,
            frozen_at: None,
            last_report: None,
            sent: (0, 0),
        }
    }

    /// Sequence number and RTP time of the next packet, as an answer to PLAY says them.
    pub(super) fn next_packet(&self) -> (u16, u32) {
        let (manners, _) = self.camera.now(self.stream);
        (self.sequence, self.first_time.wrapping_add(manners.jumped))
    }

    /// Sends until the connection is closed.
    ///
    /// # Errors
    /// If the client has gone.
    pub(super) fn run(mut self) -> io::Result<()> {
        let (_, mut film) = self.camera.now(self.stream);
        self.begun = Instant::now();
        let (mut zero, mut index) = (self.begun, 0);
        loop {
            let (_, shown) = self.camera.now(self.stream);
            if !Arc::ptr_eq(&shown, &film) {
                (film, zero, index) = (shown, Instant::now(), 0);
                self.frozen_at = None;
            }
            let Some(shot) = film.shots.get(index) else {
                (zero, index) = (zero + film.duration, 0);
                continue;
            };
            let due = zero + shot.at;
            self.wait_until(due)?;
            if self.line.is_closed() {
                return Ok(());
            }
            self.show(&film, index, due)?;
            index += 1;
        }
    }

    /// Waits, and sends meanwhile what is late.
    fn wait_until(&mut self, due: Instant) -> io::Result<()> {
        while !self.line.is_closed() {
            let now = Instant::now();
            let ripe = self.waiting.iter().take_while(|(at, _)| *at <= now).count();
            for (_, packet) in self.waiting.drain(..ripe).collect::<Vec<_>>() {
                self.road.send_rtp(&self.line, &packet)?;
            }
            if now >= due {
                break;
            }
            let next = self.waiting.first().map_or(due, |(at, _)| due.min(*at));
            std::thread::sleep(next.saturating_duration_since(now).min(STEP));
        }
        Ok(())
    }

    fn show(&mut self, film: &Film, index: usize, due: Instant) -> io::Result<()> {
        let (manners, _) = self.camera.now(self.stream);
        if manners.silent {
            self.needs_key = true;
            return Ok(());
        }
        if manners.frozen {
            self.frozen_at.get_or_insert_with(|| film.key_before(index));
        } else if self.frozen_at.take().is_some() {
            self.needs_key = true;
        }
        let shot = self.frozen_at.and_then(|at| film.shots.get(at));
        let Some(shot) = shot.or_else(|| film.shots.get(index)) else {
            return Ok(());
        };
        if self.needs_key && !shot.key {
            return Ok(());
        }
        self.needs_key = false;
        let time = self.time(due, manners);
        self.send(shot, time, manners)?;
        self.report(manners)
    }

    fn time(&self, at: Instant, manners: Manners) -> u32 {
        let since = at.saturating_duration_since(self.begun).as_nanos();
        let ticks = since * u128::from(TICKS) / 1_000_000_000;
        // RTP times count modulo 2^32.
        self.first_time
            .wrapping_add(ticks as u32)
            .wrapping_add(manners.jumped)
    }

    fn send(&mut self, shot: &Shot, time: u32, manners: Manners) -> io::Result<()> {
        for payload in &shot.payloads {
            let mut packet = payload.packet(self.sequence, time, self.ssrc);
            self.sequence = self.sequence.wrapping_add(1);
            self.sent.0 = self.sent.0.wrapping_add(1);
            self.sent.1 = self.sent.1.wrapping_add(payload.bytes().len() as u32);
            if self.dice.chance(manners.drop) {
                continue;
            }
            if self.dice.chance(manners.corrupt) {
                self.spoil(&mut packet);
            }
            if self.overtaken.is_none() && self.dice.chance(manners.reorder) {
                self.overtaken = Some(packet);
                continue;
            }
            self.post(packet, manners)?;
            if let Some(packet) = self.overtaken.take() {
                self.post(packet, manners)?;
            }
        }
        Ok(())
    }

    fn spoil(&mut self, packet: &mut [u8]) {
        let payload = payload_of(packet);
        for _ in 0..4 {
            let at = self.dice.below(payload.len());
            if let Some(byte) = payload.get_mut(at) {
                *byte ^= self.dice.roll() as u8;
            }
        }
    }

    /// Sends a packet, or lets it wait behind those that wait already.
    fn post(&mut self, packet: Vec<u8>, manners: Manners) -> io::Result<()> {
        if manners.delay.is_zero() && self.waiting.is_empty() {
            return self.road.send_rtp(&self.line, &packet);
        }
        let mut at = Instant::now() + manners.delay.mul_f32(self.dice.unit());
        if let Some((last, _)) = self.waiting.last() {
            at = at.max(*last);
        }
        self.waiting.push((at, packet));
        Ok(())
    }

    fn report(&mut self, manners: Manners) -> io::Result<()> {
        let now = Instant::now();
        let recent = self
            .last_report
            .is_some_and(|last| now.duration_since(last) < REPORT_EVERY);
        if manners.reports == Reports::Missing || recent {
            return Ok(());
        }
        self.last_report = Some(now);
        let wall = match manners.reports {
            Reports::Wrong => any_time(&mut self.dice),
            _ => {
                let drifted = self.begun.elapsed().as_secs_f64() * manners.drift / 1e6;
                moved(Timestamp::now(), manners.clock + drifted)
            }
        };
        let time = self.time(now, manners);
        let report = sender_report(self.ssrc, wall, time, self.sent.0, self.sent.1);
        self.road.send_rtcp(&self.line, &report)
    }
}

/// Some second between 1970 and 2036.
fn any_time(dice: &mut Dice) -> Timestamp {
    let second = dice.below(2_085_978_495) as i64;
    Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// `time`, later by so many seconds; a clock that far out stands still.
fn moved(time: Timestamp, seconds: f64) -> Timestamp {
    SignedDuration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|by| time.checked_add(by).ok())
        .unwrap_or(time)
}
