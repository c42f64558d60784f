//! A camera that answers RTSP well and sends a codec that no camera of ours has: VP8.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=odd\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n\
                   a=rtpmap:96 VP8/90000\r\na=control:track1\r\n";
const PICTURE: Duration = Duration::from_millis(40);

/// Listens on a free port of the loopback interface.
#[derive(Debug)]
pub struct OddCamera {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl OddCamera {
    /// Starts it.
    ///
    /// # Errors
    /// If there is no port or no thread.
    pub fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = std::thread::Builder::new()
            .name("odd-camera".to_owned())
            .spawn(move || {
                for client in listener.incoming() {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    // A client that leaves in the middle is nothing to speak of; one at a time is enough.
                    if let Err(error) = client.and_then(|client| talk(client, &stop)) {
                        tracing::debug!(%error, "odd camera: client left");
                    }
                }
            })?;
        Ok(OddCamera {
            address,
            stopping,
            thread: Some(thread),
        })
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("rtsp://{}/odd", self.address)
    }
}

impl Drop for OddCamera {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        // A connection wakes the listener up.
        if TcpStream::connect(self.address).is_ok()
            && let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the odd camera panicked");
        }
    }
}

/// Answers requests until PLAY, then sends pictures until the client leaves.
fn talk(client: TcpStream, stop: &AtomicBool) -> std::io::Result<()> {
    client.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut out = client.try_clone()?;
    let mut lines = BufReader::new(client).lines();
    loop {
        let mut request: Vec<String> = Vec::new();
        for line in lines.by_ref() {
            match line? {
                line if line.is_empty() => break,
                line => request.push(line),
            }
        }
        let Some(first) = request.first() else {
            return Ok(());
        };
        let method = first.split(' ').next().unwrap_or_default().to_owned();
        let header = |name: &str| {
            request
                .iter()
                .find(|line| line.to_ascii_lowercase().starts_with(name))
        };
        let sequence = header("cseq:").map_or("CSeq: 0", String::as_str);
        let (more, body) = match method.as_str() {
            "OPTIONS" => ("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n", ""),
            "DESCRIBE" => ("Content-Type: application/sdp\r\n", SDP),
            "SETUP" => (
                "Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
                "",
            ),
            _ => ("Session: 1\r\n", ""),
        };
        let length = body.len();
        out.write_all(
            format!(
                "RTSP/1.0 200 OK\r\n{sequence}\r\n{more}Content-Length: {length}\r\n\r\n{body}"
            )
            .as_bytes(),
        )?;
        match method.as_str() {
            "PLAY" => return send(&mut out, stop),
            "TEARDOWN" => return Ok(()),
            _ => {}
        }
    }
}

/// Interleaved RTP packets of a few bytes, as many a second as pictures.
fn send(out: &mut TcpStream, stop: &AtomicBool) -> std::io::Result<()> {
    for number in 0_u16.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let mut packet = vec![0x80, 96];
        packet.extend(number.to_be_bytes());
        packet.extend((u32::from(number) * 3600).to_be_bytes());
        packet.extend(7_u32.to_be_bytes());
        packet.extend([0x10, 0, 0, 0]);
        out.write_all(&[b'$', 0, 0, packet.len() as u8])?;
        out.write_all(&packet)?;
        std::thread::sleep(PICTURE);
    }
    Ok(())
}
