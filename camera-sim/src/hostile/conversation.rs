//! RTSP with one client (RFC 2326), as well or as badly as its camera is told to.

use std::{
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use super::{
    camera::{Camera, Line, Stream, held},
    order::{Answer, Method},
    sdp,
    sender::{Road, Sender},
};
use crate::dice::Dice;

/// How soon a conversation sees that it is over.
const LOOK: Duration = Duration::from_millis(100);
/// A client that takes nothing for so long has gone.
const WRITE_LIMIT: Duration = Duration::from_secs(5);
/// Longest line of a request.
const MAX_LINE: u64 = 8 << 10;
/// An endless header goes out in pieces of this many lines, one piece each LOOK: about a megabyte a second.
const ENDLESS_LINES: usize = 2000;

/// What all conversations of a server share.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) cameras: Vec<Arc<Camera>>,
    pub(super) stopping: AtomicBool,
    pub(super) seed: u64,
}

struct Request {
    method: String,
    url: String,
    sequence: String,
    transport: String,
}

/// Talks until the client leaves, the camera cuts it off, or the server stops.
///
/// # Errors
/// If the client leaves in the middle of something.
pub(super) fn converse(client: TcpStream, place: &Place, number: u64) -> io::Result<()> {
    client.set_read_timeout(Some(LOOK))?;
    client.set_write_timeout(Some(WRITE_LIMIT))?;
    client.set_nodelay(true)?;
    let mut talk = Talk {
        line: Line::new(client.try_clone()?),
        client: BufReader::new(client),
        place,
        number,
        road: None,
        sending: None,
    };
    let outcome = talk.run();
    for camera in &place.cameras {
        camera.left(number);
    }
    talk.line.close();
    if let Some(sending) = talk.sending.take()
        && sending.join().is_err()
    {
        tracing::error!("a sender panicked");
    }
    outcome
}

struct Talk<'a> {
    line: Arc<Line>,
    client: BufReader<TcpStream>,
    place: &'a Place,
    number: u64,
    road: Option<Road>,
    sending: Option<JoinHandle<()>>,
}

impl Talk<'_> {
    fn over(&self) -> bool {
        self.line.is_closed() || self.place.stopping.load(Ordering::Relaxed)
    }

    fn run(&mut self) -> io::Result<()> {
        while let Some(request) = self.request()? {
            if request.method == "TEARDOWN" {
                for camera in &self.place.cameras {
                    camera.torn_down(self.number);
                }
                return self.answer(&request, "Session: 1\r\n", b"");
            }
            let Some((camera, stream)) = self.camera(&request.url) else {
                self.refuse(&request, 404)?;
                continue;
            };
            camera.joined(&self.line);
            let (manners, _) = camera.now(stream);
            match manners.answer {
                Answer::Reset => {
                    self.line.reset();
                    return Ok(());
                }
                Answer::Status(code, to) if to.as_str() == request.method => {
                    self.refuse(&request, code)?;
                }
                Answer::Half if request.method == Method::Describe.as_str() => {
                    self.half(&request)?
                }
                Answer::Endless if request.method == Method::Describe.as_str() => {
                    self.endless(&request)?;
                }
                _ => self.well(&request, &camera, stream)?,
            }
        }
        Ok(())
    }

    /// The camera that an address means; everything behind its mount may be a track.
    fn camera(&self, url: &str) -> Option<(Arc<Camera>, Stream)> {
        let path = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = path.split_once('/').map_or("", |(_, path)| path);
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix(sdp::TRACK).unwrap_or(path);
        let path = path.trim_end_matches('/');
        let (mount, stream) = match path.strip_suffix("/sub") {
            Some(mount) => (mount, Stream::Sub),
            None => (path, Stream::Main),
        };
        let camera = self
            .place
            .cameras
            .iter()
            .find(|camera| camera.mount == mount);
        camera.map(|camera| (Arc::clone(camera), stream))
    }

    fn well(&mut self, request: &Request, camera: &Arc<Camera>, stream: Stream) -> io::Result<()> {
        match request.method.as_str() {
            "OPTIONS" => {
                let methods = "Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN\r\n";
                self.answer(request, methods, b"")
            }
            "DESCRIBE" => self.describe(request, camera, stream),
            "SETUP" if !camera.admit(self.number) => self.refuse(request, 453),
            "SETUP" => self.set_up(request),
            "PLAY" => self.play(request, camera, stream),
            "GET_PARAMETER" | "SET_PARAMETER" | "PAUSE" => {
                self.answer(request, "Session: 1;timeout=60\r\n", b"")
            }
            _ => self.refuse(request, 501),
        }
    }

    fn describe(&self, request: &Request, camera: &Camera, stream: Stream) -> io::Result<()> {
        let (manners, film) = camera.now(stream);
        let sdp = match manners.answer {
            Answer::Sdp(seed) => {
                let (way, bytes) = sdp::wrong(&film, seed);
                tracing::debug!(camera = camera.mount, seed, way, "a wrong description");
                camera.next_sdp();
                bytes
            }
            _ => sdp::right(&film),
        };
        let head = format!(
            "Content-Type: application/sdp\r\nContent-Base: {}/\r\n",
            request.url.trim_end_matches('/')
        );
        self.answer(request, &head, &sdp)
    }

    fn set_up(&mut self, request: &Request) -> io::Result<()> {
        let ports = |name: &str| {
            let value = request
                .transport
                .split(';')
                .find_map(|part| part.strip_prefix(name))?;
            let (first, second) = value.split_once('-')?;
            Some((first.parse::<u16>().ok()?, second.parse::<u16>().ok()?))
        };
        let (road, transport) = match ports("client_port=") {
            Some(client) => udp(&held(&self.line.out), client)?,
            None => {
                let (rtp, rtcp) = ports("interleaved=").unwrap_or((0, 1));
                let [rtp, rtcp] = [rtp as u8, rtcp as u8];
                let transport = format!("RTP/AVP/TCP;unicast;interleaved={rtp}-{rtcp}");
                (Road::Interleaved { rtp, rtcp }, transport)
            }
        };
        self.road = Some(road);
        let head = format!("Session: 1;timeout=60\r\nTransport: {transport}\r\n");
        self.answer(request, &head, b"")
    }

    fn play(&mut self, request: &Request, camera: &Arc<Camera>, stream: Stream) -> io::Result<()> {
        let Some(road) = self.road.take() else {
            // Playing already is no mistake, playing without a transport is one.
            let status = if self.sending.is_some() { 200 } else { 455 };
            return self.refuse(request, status);
        };
        let dice = Dice::salted(self.place.seed, self.number);
        let sender = Sender::new(
            Arc::clone(camera),
            stream,
            Arc::clone(&self.line),
            road,
            dice,
        );
        let (sequence, time) = sender.next_packet();
        let head = format!(
            "Session: 1;timeout=60\r\nRange: npt=now-\r\nRTP-Info: url={};seq={sequence};rtptime={time}\r\n",
            request.url
        );
        self.answer(request, &head, b"")?;
        let line = Arc::clone(&self.line);
        let thread = std::thread::Builder::new().name("hostile-rtp".to_owned());
        let sending = thread.spawn(move || {
            if let Err(error) = sender.run() {
                tracing::debug!(%error, "a client has gone");
            }
            line.close();
        })?;
        self.sending = Some(sending);
        Ok(())
    }

    fn answer(&self, request: &Request, head: &str, body: &[u8]) -> io::Result<()> {
        self.write(200, request, head, body)
    }

    fn refuse(&self, request: &Request, status: u16) -> io::Result<()> {
        // A challenge, as cameras send it: a client that has a password tries it.
        let challenge = match status {
            401 => "WWW-Authenticate: Digest realm=\"camera\", nonce=\"0011223344556677\"\r\n",
            _ => "",
        };
        self.write(status, request, challenge, b"")
    }

    fn write(&self, status: u16, request: &Request, head: &str, body: &[u8]) -> io::Result<()> {
        let (reason, sequence, length) = (reason(status), &request.sequence, body.len());
        let text = format!(
            "RTSP/1.0 {status} {reason}\r\nCSeq: {sequence}\r\n{head}Content-Length: {length}\r\n\r\n"
        );
        let mut whole = text.into_bytes();
        whole.extend(body);
        held(&self.line.out).write_all(&whole)
    }

    /// The beginning of a description. Nothing follows, and the connection stays.
    fn half(&self, request: &Request) -> io::Result<()> {
        let text = format!(
            "RTSP/1.0 200 OK\r\nCSeq: {}\r\nContent-Type: application/sdp\r\nContent-Length: 400\r\n\r\nv=0\r\no=- 1",
            request.sequence
        );
        held(&self.line.out).write_all(text.as_bytes())?;
        while !self.over() {
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn endless(&self, request: &Request) -> io::Result<()> {
        let head = format!("RTSP/1.0 200 OK\r\nCSeq: {}\r\n", request.sequence);
        held(&self.line.out).write_all(head.as_bytes())?;
        let piece = "X-Vendor: 0123456789012345678901234567890123456789\r\n".repeat(ENDLESS_LINES);
        while !self.over() {
            held(&self.line.out).write_all(piece.as_bytes())?;
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// The next request; nothing at the end. What the client sends on interleaved channels is passed over.
    fn request(&mut self) -> io::Result<Option<Request>> {
        loop {
            match self.byte()? {
                None => return Ok(None),
                Some(b'$') => {
                    let mut head = [0; 3];
                    self.fill(&mut head)?;
                    let length = u16::from_be_bytes([head[1], head[2]]);
                    self.fill(&mut vec![0; usize::from(length)])?;
                }
                Some(b'\r' | b'\n') => {}
                Some(first) => return self.rest(first).map(Some),
            }
        }
    }

    fn rest(&mut self, first: u8) -> io::Result<Request> {
        let start = format!("{}{}", char::from(first), self.text()?);
        let mut words = start.split(' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        let mut request = Request {
            method: word(),
            url: word(),
            sequence: "0".to_owned(),
            transport: String::new(),
        };
        let mut length = 0;
        loop {
            let line = self.text()?;
            let Some((name, value)) = line.split_once(':') else {
                break;
            };
            let value = value.trim();
            match name.to_ascii_lowercase().as_str() {
                "cseq" => value.clone_into(&mut request.sequence),
                "transport" => value.clone_into(&mut request.transport),
                "content-length" => length = value.parse::<u16>().unwrap_or_default(),
                _ => {}
            }
        }
        self.fill(&mut vec![0; usize::from(length)])?;
        Ok(request)
    }

    /// One byte; nothing at the end of the conversation.
    fn byte(&mut self) -> io::Result<Option<u8>> {
        loop {
            if self.over() {
                return Ok(None);
            }
            let mut byte = [0];
            match self.client.read(&mut byte) {
                Ok(0) => return Ok(None),
                Ok(_) => return Ok(Some(byte[0])),
                Err(error) if is_wait(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        for byte in bytes {
            *byte = self.byte()?.ok_or(ErrorKind::UnexpectedEof)?;
        }
        Ok(())
    }

    /// A line without its end.
    fn text(&mut self) -> io::Result<String> {
        let mut bytes = Vec::new();
        loop {
            let left = MAX_LINE.saturating_sub(bytes.len() as u64);
            match (&mut self.client).take(left).read_until(b'\n', &mut bytes) {
                Ok(_) if bytes.ends_with(b"\n") => {
                    return Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned());
                }
                Ok(_) => return Err(ErrorKind::InvalidData.into()),
                Err(error) if is_wait(&error) && !self.over() => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn is_wait(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

fn udp(client: &TcpStream, (rtp, rtcp): (u16, u16)) -> io::Result<(Road, String)> {
    let (own, peer) = (client.local_addr()?.ip(), client.peer_addr()?.ip());
    let bind = || UdpSocket::bind(SocketAddr::from((own, 0)));
    let (from_rtp, from_rtcp) = (bind()?, bind()?);
    let transport = format!(
        "RTP/AVP;unicast;client_port={rtp}-{rtcp};server_port={}-{}",
        from_rtp.local_addr()?.port(),
        from_rtcp.local_addr()?.port()
    );
    let road = Road::Udp {
        rtp: (from_rtp, SocketAddr::from((peer, rtp))),
        rtcp: (from_rtcp, SocketAddr::from((peer, rtcp))),
    };
    Ok((road, transport))
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        453 => "Not Enough Bandwidth",
        454 => "Session Not Found",
        455 => "Method Not Valid in This State",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        _ => "Error",
    }
}
