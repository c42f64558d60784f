//! Just enough of an HTTP/1.1 client to ask the centre: one request a connection, JSON both ways.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, bail};
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(10);

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// `name=value` of the first cookie that it sets.
    pub(super) cookie: Option<String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub(super) fn json(&self) -> anyhow::Result<Value> {
        let text = String::from_utf8_lossy(&self.body);
        if self.status >= 300 {
            bail!("HTTP {}: {text}", self.status);
        }
        serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"))
    }
}

/// Asks a server of the loopback interface. With a `body` it is a POST.
pub(super) fn ask(
    port: u16,
    path: &str,
    body: Option<&Value>,
    cookie: Option<&str>,
) -> anyhow::Result<Answer> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let method = if body.is_some() { "POST" } else { "GET" };
    let mut request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nx-safecity-console: 1\r\n"
    );
    if let Some(cookie) = cookie {
        request += &format!("cookie: {cookie}\r\n");
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    if !body.is_empty() {
        request += &format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
    }
    stream.write_all(format!("{request}\r\n{body}").as_bytes())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    read(&bytes).with_context(|| format!("{method} {path}: answer is not HTTP"))
}

fn read(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    let header = |wanted: &str| {
        headers
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| *value)
    };
    let rest = &bytes[end + 4..];
    let body = match header("transfer-encoding") {
        Some("chunked") => join_chunks(rest)?,
        _ => rest.to_vec(),
    };
    let cookie = header("set-cookie")
        .and_then(|c| c.split(';').next())
        .map(str::to_owned);
    Some(Answer {
        status,
        cookie,
        body,
    })
}

fn join_chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|w| w == b"\r\n")?;
        let size =
            usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let chunk = rest.get(end + 2..end + 2 + size)?;
        body.extend_from_slice(chunk);
        rest = rest.get(end + 4 + size..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn both_ways_of_sending_a_body_are_understood() {
        let plain =
            b"HTTP/1.1 201 Created\r\nSet-Cookie: a=b; Path=/\r\ncontent-length: 2\r\n\r\n{}";
        let answer = read(plain).unwrap();
        assert_eq!(
            (answer.status, answer.cookie.as_deref()),
            (201, Some("a=b"))
        );
        assert_eq!(answer.body, b"{}");
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n3\r\n,2]\r\n0\r\n\r\n";
        assert_eq!(read(chunked).unwrap().body, b"[1,2]");
        assert!(read(b"HTTP/1.1 200 OK\r\n").is_none());
    }
}
