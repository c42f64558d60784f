//! A real camera, as it is given to the demonstration.

use anyhow::{Context, bail};

use crate::harness::WatchedCamera;

/// A real camera with an intrusion rule over its whole picture. The login leaves the address here, so that it never
/// stands on a command line or in a log.
pub(super) fn real_camera(url: &str) -> anyhow::Result<WatchedCamera> {
    let Some((scheme, rest)) = url
        .split_once("://")
        .filter(|(s, _)| matches!(*s, "rtsp" | "rtsps"))
    else {
        bail!("CAMERA: expected rtsp://user:password@host/path or rtsps://...");
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    let (login, place) = match authority.rfind('@') {
        Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
        None => (None, rest),
    };
    let host = place.split(['/', '?']).next().unwrap_or(place);
    let port = host
        .rsplit(']')
        .next()
        .and_then(|tail| tail.split_once(':'));
    if host.is_empty() || port.is_some_and(|(_, port)| port.parse::<u16>().is_err()) {
        bail!(
            "CAMERA: no host and port where they should be; write odd characters of a login as %XX"
        );
    }
    let mut camera = WatchedCamera::new("camera", format!("{scheme}://{place}")).with(
        "zones = [{ id = \"picture\", polygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]] }]\n\
         rules = [{ id = \"anything\", kind = \"intrusion\", zone = \"picture\" }]",
    )?;
    camera.login = login
        .map(|login| {
            let (user, password) = login.split_once(':').context(
                "CAMERA: the login has no password; expected rtsp://user:password@host/path",
            )?;
            anyhow::Ok((decoded(user)?, decoded(password)?))
        })
        .transpose()?;
    Ok(camera)
}

/// Undoes percent encoding, which is how an odd character gets into the login of an address.
fn decoded(text: &str) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                u8::from_str_radix(digits, 16).context("CAMERA: a % in the login that is no %XX")?
            }
            other => other,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).context("CAMERA: the login is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::real_camera;

    #[test]
    fn a_login_leaves_the_address() {
        let camera =
            real_camera("rtsp://me:p%40ss:w/d@10.0.0.7:554/Streaming/101?x=a@b").unwrap_err();
        assert!(!camera.to_string().contains("p%40ss"), "{camera}");
        let camera = real_camera("rtsp://me:p%40s:s@10.0.0.7:554/Streaming/101?x=a@b").unwrap();
        assert_eq!(camera.url, "rtsp://10.0.0.7:554/Streaming/101?x=a@b");
        assert_eq!(camera.login, Some(("me".to_owned(), "p@s:s".to_owned())));
        let camera = real_camera("rtsp://10.0.0.7/stream?x=a@b").unwrap();
        assert_eq!(
            (camera.url.as_str(), camera.login),
            ("rtsp://10.0.0.7/stream?x=a@b", None)
        );
    }

    #[test]
    fn what_is_no_rtsp_address_is_refused_without_being_repeated() {
        for bad in [
            "http://me:secret@host/",
            "me:secret@host",
            "rtsp://secret@host/",
        ] {
            let error = format!("{:#}", real_camera(bad).unwrap_err());
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
