//! A publisher's server on loopback that does as it is told: one reply a request, the last one for all that follow.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// What comes after the bytes that are sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Close,
    /// Nothing more, for as long as the other side stays.
    Hang,
    /// A byte every few milliseconds, for as long as the other side stays.
    Drip,
}

/// One reply.
#[derive(Clone)]
pub(crate) struct Reply {
    /// In place of 200 or 206.
    pub(crate) status: Option<&'static str>,
    pub(crate) more: String,
    pub(crate) etag: Option<&'static str>,
    /// Whether `Range` is understood.
    pub(crate) ranges: bool,
    /// Whether `If-Range` is.
    pub(crate) if_range: bool,
    /// Whether the length is told.
    pub(crate) length: bool,
    pub(crate) body: Vec<u8>,
    /// Only so many bytes of the body are sent.
    pub(crate) stop_after: usize,
    pub(crate) then: Then,
}

impl Reply {
    pub(crate) fn new(body: &[u8]) -> Reply {
        Reply {
            status: None,
            more: String::new(),
            etag: Some("\"one\""),
            ranges: true,
            if_range: true,
            length: true,
            body: body.to_vec(),
            stop_after: usize::MAX,
            then: Then::Close,
        }
    }

    pub(crate) fn status(status: &'static str) -> Reply {
        Reply {
            status: Some(status),
            ..Reply::new(b"")
        }
    }

    pub(crate) fn redirect(to: &str) -> Reply {
        Reply {
            more: format!("location: {to}\r\n"),
            ..Reply::status("302 Found")
        }
    }

    /// The same, broken off after so many bytes.
    pub(crate) fn cut(self, stop_after: usize) -> Reply {
        Reply { stop_after, ..self }
    }
}

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) range: Option<String>,
    pub(crate) if_range: Option<String>,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start(replies: Vec<Reply>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (log, ends) = (asked.clone(), stop.clone());
        let thread = thread::spawn(move || {
            let mut replies = replies.into_iter();
            let mut reply = replies.next().expect("at least one reply");
            for stream in listener.incoming() {
                if ends.load(Ordering::Relaxed) {
                    return;
                }
                let stream = stream.expect("a connection");
                let Some(asked) = read_request(&stream) else {
                    continue;
                };
                log.lock().unwrap().push(asked.clone());
                // The other side may hang up at any time: that is its right.
                drop(answer(&stream, &asked, &reply));
                reply = replies.next().unwrap_or(reply);
            }
        });
        Server {
            address,
            asked,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn ranges(&self) -> Vec<Option<String>> {
        self.asked().into_iter().map(|a| a.range).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server's thread");
        }
    }
}

/// A request's head; a proxy's `CONNECT` is granted, and what comes through the tunnel is the request.
fn read_request(stream: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream).lines();
    let mut asked = Asked {
        line: lines.next()?.ok()?,
        ..Asked::default()
    };
    for line in lines.by_ref() {
        let line = line.ok()?;
        match line.split_once(": ") {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("range") => {
                asked.range = Some(value.to_owned());
            }
            Some((name, value)) if name.eq_ignore_ascii_case("if-range") => {
                asked.if_range = Some(value.to_owned());
            }
            Some(_) => {}
        }
    }
    if let Some(host) = asked.line.strip_prefix("CONNECT ") {
        let host = host.split(' ').next().unwrap_or_default().to_owned();
        let mut to = stream;
        to.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
        let through = read_request(stream)?;
        return Some(Asked {
            line: format!("via proxy to {host}: {}", through.line),
            ..through
        });
    }
    Some(asked)
}

fn answer(mut stream: &TcpStream, asked: &Asked, reply: &Reply) -> std::io::Result<()> {
    let whole = reply.body.len();
    let wanted = asked
        .range
        .as_deref()
        .filter(|_| reply.ranges && reply.status.is_none());
    let wanted = wanted.and_then(|r| r.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let same =
        !reply.if_range || asked.if_range.is_none() || asked.if_range.as_deref() == reply.etag;
    let from: usize = wanted.filter(|_| same).unwrap_or(0);
    let usual = if from > 0 {
        "206 Partial Content"
    } else {
        "200 OK"
    };
    let mut head = format!(
        "HTTP/1.1 {}\r\nconnection: close\r\n",
        reply.status.unwrap_or(usual)
    );
    head += &reply.more;
    if let Some(etag) = reply.etag {
        head += &format!("etag: {etag}\r\n");
    }
    if reply.length {
        head += &format!("content-length: {}\r\n", whole - from);
    }
    if from > 0 {
        head += &format!("content-range: bytes {from}-{}/{whole}\r\n", whole - 1);
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    let rest = &reply.body[from..];
    let (now, later) = rest.split_at(reply.stop_after.min(rest.len()));
    stream.write_all(now)?;
    match reply.then {
        Then::Close => stream.shutdown(std::net::Shutdown::Write)?,
        Then::Hang => {}
        Then::Drip => {
            for byte in later {
                stream.write_all(&[*byte])?;
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
    // Until the other side goes: closing at once could throw away what it has not read yet.
    std::io::copy(&mut stream.take(1 << 20), &mut std::io::sink())?;
    Ok(())
}
