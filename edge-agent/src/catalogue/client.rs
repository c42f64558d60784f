//! The HTTP client: one request at a time, certificates verified against the system's, proxies as the environment has
//! them (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`), and a limit on how long nothing comes.

use std::{
    io::{self, Read},
    sync::Arc,
    time::Duration,
};

use ureq::{
    Agent,
    config::Config,
    http::{HeaderMap, Response, header},
    tls::{Certificate, RootCerts, TlsConfig},
};

/// How long a fetch waits, and how often.
#[derive(Clone, Debug)]
pub struct Patience {
    /// For a connection, its encryption included.
    pub connect: Duration,
    /// For the next byte, and for [`Patience::least`] bytes.
    pub idle: Duration,
    /// Bytes that must come in each such time: less is a link that drips.
    pub least: u64,
    /// Before each further try that follows a failure; without anything new after the last of them it gives up.
    pub pauses: Vec<Duration>,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            connect: Duration::from_secs(20),
            idle: Duration::from_secs(30),
            least: 16 * 1024,
            pauses: [1, 2, 4, 8, 16, 30].map(Duration::from_secs).to_vec(),
        }
    }
}

/// A client.
pub struct Client {
    agent: Agent,
    pub(super) patience: Patience,
}

/// Why nothing, or not all, came. The text ends a sentence.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// Trying again may help.
    Passing(String),
    /// The rest is not to be had; asking for the whole may help.
    NoRest(String),
    /// It will not.
    Final(String),
}

/// What a server answers.
pub(super) struct Answer {
    /// First byte of the body in the whole file.
    pub(super) from: u64,
    /// Bytes of the whole file, where the server says.
    pub(super) total: Option<u64>,
    /// What kind of file the server takes it for.
    pub(super) kind: String,
    /// What changes when the file does, for `If-Range`.
    pub(super) validator: Option<String>,
    pub(super) body: Box<dyn Read>,
}

impl Client {
    /// A client that goes by the proxies of the environment.
    pub fn new(patience: Patience) -> Client {
        Client::build(patience, true)
    }

    /// A client that goes straight, whatever the environment says.
    pub fn without_proxy(patience: Patience) -> Client {
        Client::build(patience, false)
    }

    fn build(patience: Patience, proxies: bool) -> Client {
        let found = rustls_native_certs::load_native_certs();
        let roots = found.certs.iter();
        let roots: Vec<Certificate<'static>> = roots
            .map(|der| Certificate::from_der(der).to_owned())
            .collect();
        let crypto = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(roots)))
            .unversioned_rustls_crypto_provider(crypto)
            .build();
        let config = Config::builder()
            .http_status_as_error(false)
            .timeout_connect(Some(patience.connect))
            .timeout_per_read(Some(patience.idle))
            .timeout_per_write(Some(patience.idle))
            .user_agent(concat!("edge-agent/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls);
        let config = match proxies {
            true => config.build(),
            false => config.proxy(None).build(),
        };
        Client {
            agent: config.new_agent(),
            patience,
        }
    }

    /// Asks for the file from byte `from` on; with a validator, only if it is still the same.
    pub(super) fn get(
        &self,
        address: &str,
        from: u64,
        validator: Option<&str>,
    ) -> Result<Answer, Failure> {
        // An encrypted way must not go on in the clear, wherever a redirect leads.
        let encrypted = address.starts_with("https://");
        let mut request = (self.agent.get(address).config())
            .https_only(encrypted)
            .build();
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
            if let Some(validator) = validator {
                request = request.header(header::IF_RANGE, validator);
            }
        }
        let response = request.call().map_err(|e| self.failure(&e))?;
        self.answer(response, from)
    }

    fn answer(&self, response: Response<ureq::Body>, from: u64) -> Result<Answer, Failure> {
        let status = response.status();
        let headers = response.headers();
        let (starts, total) = match status.as_u16() {
            200 => (0, number(headers, header::CONTENT_LENGTH.as_str())),
            206 => match content_range(headers) {
                Some((starts, total)) if starts == from => (starts, total),
                _ => {
                    return Err(Failure::NoRest(
                        "it sent another part than asked for".into(),
                    ));
                }
            },
            // Somebody may be clearing up, or asks for less haste.
            408 | 425 | 429 | 500 | 502..=504 => {
                return Err(Failure::Passing(format!("it answers {status}")));
            }
            416 => return Err(Failure::NoRest(format!("it has no more than {from} bytes"))),
            404 | 410 => {
                let text = "it answers that there is no such file: the publisher has moved it; look for a newer \
                            catalogue, or name another base";
                return Err(Failure::Final(text.into()));
            }
            401 | 403 | 407 => {
                let text =
                    format!("it answers {status}: a login, the network or its proxy forbids it");
                return Err(Failure::Final(text));
            }
            _ => return Err(Failure::Final(format!("it answers {status}"))),
        };
        let text = |name| Some(headers.get(name)?.to_str().ok()?.to_owned());
        let strong = |tag: &String| !tag.starts_with("W/");
        let kind = text(header::CONTENT_TYPE).unwrap_or_default();
        let validator = text(header::ETAG)
            .filter(strong)
            .or_else(|| text(header::LAST_MODIFIED));
        Ok(Answer {
            from: starts,
            total,
            kind,
            validator,
            body: Box::new(response.into_body().into_reader()),
        })
    }

    /// What an error of a body's reader means.
    pub(super) fn cut(&self, error: &io::Error) -> Failure {
        match error.get_ref().and_then(|e| e.downcast_ref()) {
            Some(error) => self.failure(error),
            None => Failure::Passing(format!("the connection broke off ({error})")),
        }
    }

    fn failure(&self, error: &ureq::Error) -> Failure {
        use ureq::Error as E;
        match error {
            E::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                Failure::Passing(format!("no connection within {:?}", self.patience.connect))
            }
            E::Timeout(_) => Failure::Passing(format!("nothing came for {:?}", self.patience.idle)),
            E::Rustls(e) => encryption(e),
            E::Io(e) => match rustls_error(e) {
                Some(e) => encryption(e),
                None if e.kind() == io::ErrorKind::ConnectionRefused => {
                    Failure::Passing(format!("no connection ({e})"))
                }
                None => Failure::Passing(format!("the connection broke off ({e})")),
            },
            E::HostNotFound => Failure::Passing("the name of its host is not known".into()),
            E::ConnectionFailed | E::Protocol(_) | E::ConnectProxyFailed(_) => {
                Failure::Passing(error.to_string())
            }
            E::RequireHttpsOnly(_) => Failure::Final(
                "it leads from an encrypted address to one in the clear, which is not followed"
                    .into(),
            ),
            _ => Failure::Final(error.to_string()),
        }
    }
}

/// What a failure of the encryption means.
fn encryption(error: &rustls::Error) -> Failure {
    match error {
        rustls::Error::InvalidCertificate(why) => Failure::Final(format!(
            "its certificate is not trusted ({why}); where a proxy opens connections, its authority belongs into the \
             system's certificates, or into a file that SSL_CERT_FILE names"
        )),
        _ => Failure::Final(format!("the encryption failed ({error})")),
    }
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// First byte and whole length out of `bytes FIRST-LAST/WHOLE`.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, whole) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, _) = range.split_once('-')?;
    Some((first.trim().parse().ok()?, whole.trim().parse().ok()))
}
