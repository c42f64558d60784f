//! A browser's part of HTTP, small enough to see what goes over the wire.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// Asks one server, with the cookie that it was given.
#[derive(Clone, Debug)]
pub struct Client {
    pub address: SocketAddr,
    pub cookie: Option<String>,
    /// Sends the header that requests which change something must carry.
    pub same_origin: bool,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }
}

impl Client {
    pub fn new(address: SocketAddr) -> Client {
        Client {
            address,
            cookie: None,
            same_origin: true,
        }
    }

    async fn open(
        &self,
        method: &str,
        path: &str,
        extra: &str,
        body: &str,
    ) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let cookie = self
            .cookie
            .as_ref()
            .map_or(String::new(), |c| format!("Cookie: {c}\r\n"));
        let origin = if self.same_origin {
            "X-Safecity-Console: 1\r\n"
        } else {
            ""
        };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{cookie}{origin}{extra}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        BufReader::new(stream)
    }

    pub async fn ask(&self, method: &str, path: &str, extra: &str, body: &str) -> Answer {
        let mut stream = self.open(method, path, extra, body).await;
        let (status, headers) = read_head(&mut stream).await;
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        Answer {
            status,
            headers,
            body: rest,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "", "").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, "", &body.to_string()).await
    }

    /// Signs in (or names the first administrator) and keeps the cookie.
    pub async fn sign_in(&mut self, path: &str, form: &Value) -> Answer {
        let answer = self.post(path, form).await;
        if let Some(cookie) = answer.header("set-cookie") {
            self.cookie = cookie.split(';').next().map(str::to_owned);
        }
        answer
    }

    /// Opens the stream of live events.
    pub async fn live(&self, last_event_id: Option<&str>) -> Events {
        let extra = last_event_id.map_or(String::new(), |id| format!("Last-Event-ID: {id}\r\n"));
        let mut stream = self.open("GET", "/api/live", &extra, "").await;
        let (status, headers) = read_head(&mut stream).await;
        assert_eq!(status, 200, "{headers:?}");
        Events { stream }
    }
}

async fn read_head(stream: &mut BufReader<TcpStream>) -> (u16, Vec<(String, String)>) {
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    let status = line.split(' ').nth(1).and_then(|s| s.parse().ok());
    let status = status.unwrap_or_else(|| panic!("no status in {line:?}"));
    let mut headers = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await.unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            return (status, headers);
        };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
}

/// A stream of server-sent events.
pub struct Events {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub struct LiveEvent {
    pub name: String,
    pub id: String,
    pub data: Value,
}

impl Events {
    /// The next event of that name; others are passed over.
    pub async fn next(&mut self, name: &str) -> LiveEvent {
        let read = async {
            loop {
                let event = self.next_of_any_name().await;
                if event.name == name {
                    return event;
                }
            }
        };
        let waited = tokio::time::timeout(super::PATIENCE, read).await;
        waited.unwrap_or_else(|_| panic!("no event named {name}"))
    }

    /// The lines of chunked transfer coding are no fields, and are passed over with all that is not.
    async fn next_of_any_name(&mut self) -> LiveEvent {
        let (mut name, mut id, mut data) = (String::new(), String::new(), String::new());
        loop {
            let mut line = String::new();
            let read = self.stream.read_line(&mut line).await.unwrap();
            assert!(read > 0, "the stream ended");
            match line.trim_end().split_once(": ") {
                Some(("event", value)) => value.clone_into(&mut name),
                Some(("id", value)) => value.clone_into(&mut id),
                Some(("data", value)) => value.clone_into(&mut data),
                _ if line == "\n" && !name.is_empty() => {
                    let data = serde_json::from_str(&data).unwrap();
                    return LiveEvent { name, id, data };
                }
                _ => {}
            }
        }
    }
}
