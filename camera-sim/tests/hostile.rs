//! Hostile cameras as plain RTSP clients see them: they behave until they are told not to.

#![expect(clippy::unwrap_used, reason = "a failing step of a test ends it")]

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use camera_sim::{
    hostile::{Control, Hostile, HostileCamera, HostileSettings, Look, Script, Source},
    space::Size,
};

const PATIENCE: Duration = Duration::from_secs(20);
/// Interleaved channels of RTP and RTCP.
const CHANNELS: [u8; 2] = [0, 1];

fn served() -> Hostile {
    let look = Look {
        size: Size {
            width: 160,
            height: 96,
        },
        fps: 10,
        ..Look::default()
    };
    let camera = |mount: &str| HostileCamera {
        mount: mount.to_owned(),
        source: Source::Pattern,
        look,
    };
    Hostile::start(HostileSettings::loopback(vec![
        camera("gate"),
        camera("yard"),
    ]))
    .unwrap()
}

/// A client that speaks just enough RTSP.
struct Client {
    url: String,
    stream: BufReader<TcpStream>,
    requests: u32,
}

/// What came on a channel.
type Packet = (u8, Vec<u8>);

impl Client {
    fn new(url: &str) -> Self {
        let host = url.trim_start_matches("rtsp://");
        let stream = TcpStream::connect(host.split('/').next().unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client {
            url: url.to_owned(),
            stream: BufReader::new(stream),
            requests: 0,
        }
    }

    /// Status, headers and body of the answer.
    fn ask(&mut self, method: &str, header: &str) -> std::io::Result<(u16, String, Vec<u8>)> {
        self.requests += 1;
        let text = format!(
            "{method} {} RTSP/1.0\r\nCSeq: {}\r\n{header}\r\n",
            self.url, self.requests
        );
        self.stream.get_mut().write_all(text.as_bytes())?;
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.split_once("Content-Length: ").unwrap().1;
        let length = length.split("\r\n").next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok((status, head, body))
    }

    /// Plays; what DESCRIBE said.
    fn play(&mut self) -> String {
        let (status, _, sdp) = self.ask("DESCRIBE", "").unwrap();
        assert_eq!(status, 200);
        let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n";
        assert_eq!(self.ask("SETUP", transport).unwrap().0, 200);
        assert_eq!(self.ask("PLAY", "").unwrap().0, 200);
        String::from_utf8(sdp).unwrap()
    }

    fn packet(&mut self) -> std::io::Result<Packet> {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head)?;
        assert!(head[0] == b'$' && CHANNELS.contains(&head[1]), "{head:?}");
        let mut packet = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
        self.stream.read_exact(&mut packet)?;
        Ok((head[1], packet))
    }

    /// The next packets of a channel.
    fn packets(&mut self, channel: u8, count: usize) -> Vec<Vec<u8>> {
        let mut found = Vec::new();
        while found.len() < count {
            let (on, packet) = self.packet().unwrap();
            if on == channel {
                found.push(packet);
            }
        }
        found
    }

    /// The first packet of a channel that is `so`.
    fn until(&mut self, channel: u8, so: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "no such packet");
            let packet = self.packets(channel, 1).remove(0);
            if so(&packet) {
                return packet;
            }
        }
    }
}

fn sequence(packet: &[u8]) -> u16 {
    u16::from_be_bytes(packet[2..4].try_into().unwrap())
}

fn time(packet: &[u8]) -> u32 {
    u32::from_be_bytes(packet[4..8].try_into().unwrap())
}

fn told(hostile: &Hostile, order: &str) {
    hostile.order("gate", order.parse().unwrap()).unwrap();
}

#[test]
fn a_camera_that_is_told_nothing_is_a_good_one() {
    let hostile = served();
    let mut client = Client::new(&hostile.url("gate"));
    let sdp = client.play();
    assert!(
        sdp.contains("H264/90000") && sdp.contains("sprop-parameter-sets="),
        "{sdp}"
    );
    let packets = client.packets(0, 40);
    for pair in packets.windows(2) {
        assert_eq!(sequence(&pair[1]), sequence(&pair[0]).wrapping_add(1));
        let step = time(&pair[1]).wrapping_sub(time(&pair[0]));
        assert!(step == 0 || step.abs_diff(9000) <= 90, "{step} ticks");
    }
    let report = client.packets(1, 1).remove(0);
    let seconds = u32::from_be_bytes(report[8..12].try_into().unwrap());
    let now = jiff::Timestamp::now().as_second() + 2_208_988_800;
    assert!((now - i64::from(seconds)).abs() < 60, "{seconds}");
    assert_eq!(client.ask_between("GET_PARAMETER"), 200);
    let mut small = Client::new(&hostile.url("gate/sub"));
    small.play();
    small.packets(0, 3);
    assert_eq!(
        Client::new(&hostile.url("nothing"))
            .ask("DESCRIBE", "")
            .unwrap()
            .0,
        404
    );
}

impl Client {
    /// The status of an answer that comes between packets.
    fn ask_between(&mut self, method: &str) -> u16 {
        let text = format!("{method} {} RTSP/1.0\r\nCSeq: 99\r\n\r\n", self.url);
        self.stream.get_mut().write_all(text.as_bytes()).unwrap();
        while self.stream.fill_buf().unwrap()[0] == b'$' {
            self.packet().unwrap();
        }
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

#[test]
fn packets_are_lost_changed_and_moved_in_time() {
    let hostile = served();
    let mut client = Client::new(&hostile.url("gate"));
    client.play();
    let before = client.packets(0, 1).remove(0);
    told(&hostile, "jump 3600");
    let jumped = client.until(0, |packet| {
        time(packet).wrapping_sub(time(&before)) >= 3600 * 90_000
    });
    told(&hostile, "drop 0.5");
    let gap = |packets: &[Vec<u8>]| {
        packets
            .windows(2)
            .any(|pair| sequence(&pair[1]) != sequence(&pair[0]).wrapping_add(1))
    };
    assert!(gap(&client.packets(0, 30)), "none was lost");
    told(&hostile, "well");
    let after = client.packets(0, 1).remove(0);
    assert!(time(&after) >= time(&jumped), "what has jumped stays there");
    told(&hostile, "reorder 0.5");
    let steps_back = |packets: &[Vec<u8>]| {
        packets
            .windows(2)
            .any(|pair| sequence(&pair[1]) < sequence(&pair[0]))
    };
    assert!(steps_back(&client.packets(0, 60)), "none changed places");
    told(&hostile, "well");
    told(&hostile, "clock 3600");
    let wall = jiff::Timestamp::now().as_second() + 2_208_988_800;
    client.until(1, |report| {
        let seconds = u32::from_be_bytes(report[8..12].try_into().unwrap());
        (3500..3700).contains(&(i64::from(seconds) - wall))
    });
}

#[test]
fn a_frozen_picture_comes_again_and_again() {
    let hostile = served();
    told(&hostile, "freeze on");
    let mut client = Client::new(&hostile.url("gate"));
    client.play();
    let packets = client.packets(0, 200);
    let mut pictures = std::collections::BTreeMap::<u32, Vec<u8>>::new();
    for packet in &packets {
        pictures
            .entry(time(packet))
            .or_default()
            .extend(&packet[12..]);
    }
    pictures.pop_last();
    assert!(pictures.len() > 5, "{}", pictures.len());
    let first = pictures.values().next().unwrap();
    assert!(pictures.values().all(|picture| picture == first));
}

#[test]
fn answers_are_as_bad_as_asked_for_and_other_cameras_answer_well() {
    let hostile = served();
    let describe = || Client::new(&hostile.url("gate")).ask("DESCRIBE", "");
    for code in [401, 403, 453, 454, 503] {
        told(&hostile, &format!("answer {code}"));
        let (status, head, _) = describe().unwrap();
        assert_eq!(status, code);
        assert_eq!(head.contains("WWW-Authenticate: Digest"), code == 401);
    }
    told(&hostile, "answer sdp 3");
    assert_ne!(
        describe().unwrap().2,
        describe().unwrap().2,
        "the corpus is gone through"
    );
    told(&hostile, "answer reset");
    let gone = describe().unwrap_err();
    assert!(
        matches!(
            gone.kind(),
            ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
        ),
        "{gone}"
    );
    told(&hostile, "answer half");
    let mut client = Client::new(&hostile.url("gate"));
    let patience = Some(Duration::from_millis(500));
    client.stream.get_ref().set_read_timeout(patience).unwrap();
    let silence = client.ask("DESCRIBE", "").unwrap_err();
    assert_eq!(silence.kind(), ErrorKind::WouldBlock);
    told(&hostile, "answer endless");
    let mut client = Client::new(&hostile.url("gate"));
    let request = format!("DESCRIBE {} RTSP/1.0\r\nCSeq: 1\r\n\r\n", client.url);
    client
        .stream
        .get_mut()
        .write_all(request.as_bytes())
        .unwrap();
    let mut much = vec![0; 300_000];
    client.stream.read_exact(&mut much).unwrap();
    assert!(!String::from_utf8(much).unwrap().contains("\r\n\r\n"));
    Client::new(&hostile.url("yard")).play();
}

#[test]
fn sessions_are_cut_and_begin_just_before_the_end_of_rtp_times() {
    let hostile = served();
    for cut in ["reset", "hang-up"] {
        let mut client = Client::new(&hostile.url("gate"));
        client.play();
        client.packets(0, 1);
        told(&hostile, cut);
        let gone = loop {
            if let Err(error) = client.packet() {
                break error.kind();
            }
        };
        assert!(
            matches!(gone, ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof),
            "{cut}: {gone}"
        );
    }
    told(&hostile, "wrap on");
    let mut client = Client::new(&hostile.url("gate"));
    client.play();
    assert!(time(&client.packets(0, 1)[0]) > u32::MAX / 2);
    client.until(0, |packet| time(packet) < u32::MAX / 2);
}

#[test]
fn orders_come_by_the_control_port_and_by_a_script() {
    let hostile = served();
    let control = Control::start("127.0.0.1:0".parse().unwrap(), hostile.orders()).unwrap();
    let mut port = TcpStream::connect(control.address()).unwrap();
    port.set_read_timeout(Some(PATIENCE)).unwrap();
    let lines = "gate answer 503\nyard explode\nnowhere well\ngate\n";
    port.write_all(lines.as_bytes()).unwrap();
    let answers: Vec<String> = BufReader::new(port)
        .lines()
        .take(4)
        .map(Result::unwrap)
        .collect();
    for (answer, words) in answers
        .iter()
        .zip(["ok", "no order", "gate, yard", "MOUNT ORDER"])
    {
        assert!(answer.contains(words), "{answers:?}");
    }
    let status = |mount: &str| {
        Client::new(&hostile.url(mount))
            .ask("DESCRIBE", "")
            .unwrap()
            .0
    };
    assert_eq!((status("gate"), status("yard")), (503, 200));
    drop(control);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("day.txt");
    std::fs::write(&file, "0 gate well\n0.2 yard answer 453\n").unwrap();
    let _script = Script::start(&file, hostile.orders()).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while (status("gate"), status("yard")) != (200, 453) {
        assert!(Instant::now() < deadline, "the script does nothing");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::fs::write(&file, "0 gate well\nlater yard well\n").unwrap();
    let error = Script::start(&file, hostile.orders())
        .unwrap_err()
        .to_string();
    assert!(error.contains("day.txt: line 2"), "{error}");
}

/// Ends a program when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn the_program_serves_them_and_says_where_they_take_orders() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_camera-sim"));
    command.args(["serve", "--port", "0", "--hostile", "gate=pattern"]);
    command
        .args(["--control", "127.0.0.1:0"])
        .stderr(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    // Open to the end: the program goes on to say what it is told.
    let mut lines = BufReader::new(running.0.stderr.take().unwrap()).lines();
    let (mut url, mut control) = (None, None);
    for line in lines.by_ref().map(Result::unwrap) {
        url = line
            .strip_prefix("serving hostile ")
            .map(str::to_owned)
            .or(url);
        control = line.strip_prefix("control ").map(str::to_owned);
        if control.is_some() {
            break;
        }
    }
    let mut port = TcpStream::connect(control.unwrap()).unwrap();
    port.write_all(b"gate answer 503\n").unwrap();
    let mut answer = String::new();
    BufReader::new(port).read_line(&mut answer).unwrap();
    assert_eq!(answer, "ok\n");
    assert_eq!(
        Client::new(&url.unwrap()).ask("DESCRIBE", "").unwrap().0,
        503
    );

    let mut command = Command::new(env!("CARGO_BIN_EXE_camera-sim"));
    command.args(["serve", "--port", "0", "--hostile", "gate=pattern"]);
    let refused = command.args(["--control", "0.0.0.0:0"]).output().unwrap();
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && text.contains("loopback"),
        "{text}"
    );
}
