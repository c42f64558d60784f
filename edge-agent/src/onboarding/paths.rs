//! Where cameras of known makes have their streams: which of the paths a host knows, by RTSP's DESCRIBE (RFC 2326).

use std::{
    collections::BTreeMap,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream, ToSocketAddrs as _},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use md5::{Digest as _, Md5};

use super::login::Login;

/// Paths of makes that are found often.
const KNOWN: [&str; 20] = [
    "/Streaming/Channels/101",
    "/Streaming/Channels/102",
    "/cam/realmonitor?channel=1&subtype=0",
    "/cam/realmonitor?channel=1&subtype=1",
    "/axis-media/media.amp",
    "/rtsp_tunnel",
    "/profile1/media.smp",
    "/unicast/c1/s0/live",
    "/h264Preview_01_main",
    "/h264Preview_01_sub",
    "/stream1",
    "/stream2",
    "/live/ch00_0",
    "/live.sdp",
    "/live",
    "/videoMain",
    "/media/video1",
    "/onvif1",
    "/h264",
    "/",
];

const PATIENCE: Duration = Duration::from_secs(3);
/// Headers are no longer than this.
const LONGEST: usize = 16 << 10;

/// What a host says of its paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Streams {
    /// Addresses that it shows.
    pub(super) open: Vec<String>,
    /// Addresses that it shows to whoever has a login.
    pub(super) locked: Vec<String>,
    /// Why no more was asked.
    pub(super) stopped: Option<String>,
}

/// Asks a host (and port, 554 without one) for the known paths and `more`.
///
/// # Errors
/// It cannot be reached.
pub(super) fn probe(host: &str, more: &[String], login: Option<&Login>) -> io::Result<Streams> {
    let place = match host.parse::<SocketAddr>().is_ok()
        || host
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
    {
        true => host.to_owned(),
        false => format!("{host}:554"),
    };
    let address = place.to_socket_addrs()?.next();
    let address = address
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no address of this name"))?;
    let mut streams = Streams::default();
    for path in more.iter().map(String::as_str).chain(KNOWN) {
        let url = format!("rtsp://{host}{path}");
        match describe(address, &url, None)? {
            Answer::Shown => streams.open.push(url),
            Answer::Locked(challenge) => {
                let Some(login) = login else {
                    streams.locked.push(url);
                    continue;
                };
                match describe(address, &url, Some((login, &challenge)))? {
                    Answer::Shown => streams.open.push(url),
                    Answer::Locked(_) => {
                        streams.stopped = Some(
                            "it refuses the login; no more is tried, cameras lock accounts"
                                .to_owned(),
                        );
                        return Ok(streams);
                    }
                    Answer::Nothing => {}
                }
            }
            Answer::Nothing => {}
        }
    }
    if login.is_none() && streams.locked.len() == more.len() + KNOWN.len() {
        streams.locked.clear();
        streams.stopped = Some(
            "it says nothing of its paths without a login: --user and --password-file".to_owned(),
        );
    }
    Ok(streams)
}

enum Answer {
    Shown,
    /// With what it wants.
    Locked(String),
    Nothing,
}

fn describe(address: SocketAddr, url: &str, login: Option<(&Login, &str)>) -> io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let authorisation = login.and_then(|(login, challenge)| answer(login, challenge, url));
    let authorisation =
        authorisation.map_or_else(String::new, |text| format!("Authorization: {text}\r\n"));
    let request = format!(
        "DESCRIBE {url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\nUser-Agent: safecity-edge\r\n{authorisation}\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let head = head(&mut stream)?;
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .unwrap_or_default();
    Ok(match status {
        "200" => Answer::Shown,
        "401" => {
            let challenges = lines.filter_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("www-authenticate")
                    .then(|| value.trim().to_owned())
            });
            let mut challenges: Vec<String> = challenges.collect();
            // A digest does not show the password.
            challenges.sort_by_key(|challenge| !challenge.starts_with("Digest"));
            Answer::Locked(challenges.into_iter().next().unwrap_or_default())
        }
        _ => Answer::Nothing,
    })
}

/// As far as the empty line.
fn head(stream: &mut TcpStream) -> io::Result<String> {
    let (mut text, mut buffer) = (Vec::new(), [0; 1024]);
    while !text.windows(4).any(|four| four == b"\r\n\r\n") && text.len() < LONGEST {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => text.extend_from_slice(&buffer[..length]),
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                break;
            }
            Err(e) => return Err(e),
        }
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The header that answers a challenge: Digest with MD5 (RFC 2617, without qop, as RTSP servers want it), or Basic.
fn answer(login: &Login, challenge: &str, url: &str) -> Option<String> {
    let (user, password) = (&login.user, login.password.reveal());
    if challenge.starts_with("Basic") {
        return Some(format!(
            "Basic {}",
            STANDARD.encode(format!("{user}:{password}"))
        ));
    }
    let fields: BTreeMap<String, String> = (challenge.strip_prefix("Digest")?.split(','))
        .filter_map(|field| {
            let (key, value) = field.split_once('=')?;
            Some((
                key.trim().to_lowercase(),
                value.trim().trim_matches('"').to_owned(),
            ))
        })
        .collect();
    let (realm, nonce) = (fields.get("realm")?, fields.get("nonce")?);
    let hash = |text: String| -> String {
        let hash = Md5::digest(text);
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let (ha1, ha2) = (
        hash(format!("{user}:{realm}:{password}")),
        hash(format!("DESCRIBE:{url}")),
    );
    let response = hash(format!("{ha1}:{nonce}:{ha2}"));
    Some(format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{url}\", response=\"{response}\""
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::Secret;

    #[test]
    fn a_challenge_is_answered_as_it_wants() {
        let login = Login {
            user: "Mufasa".to_owned(),
            password: Secret::new("Circle Of Life".to_owned()),
        };
        let challenge =
            "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";
        let told = answer(&login, challenge, "rtsp://h/live").unwrap();
        // md5 of 939e7578ed9e3c518a452acee763bce9 (RFC 2617, 3.5), the nonce, and md5 of "DESCRIBE:rtsp://h/live".
        let ha2: String = Md5::digest("DESCRIBE:rtsp://h/live")
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        let whole =
            format!("939e7578ed9e3c518a452acee763bce9:dcd98b7102dd2f0e8b11d0f600bfb0c093:{ha2}");
        let wanted: String = Md5::digest(whole)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert!(told.ends_with(&format!("response=\"{wanted}\"")), "{told}");
        assert_eq!(
            answer(&login, "Basic realm=\"x\"", "u").as_deref(),
            Some("Basic TXVmYXNhOkNpcmNsZSBPZiBMaWZl")
        );
        assert_eq!(answer(&login, "Negotiate", "u"), None);
    }
}
