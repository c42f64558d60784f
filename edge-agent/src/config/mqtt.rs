//! Checks how the brokers are reached: their addresses, and what secures the way to them.

use std::net::IpAddr;

use rustls::pki_types::ServerName;

use super::{
    check::Check,
    problem::At,
    raw::{RawBroker, RawMqtt, RawMqttTls},
    reader::Field,
    settings::{Broker, MqttVersion, Tls},
};

/// The longest name of a protocol (RFC 7301, section 3.1): bytes.
const LONGEST_ALPN: usize = 255;

impl Check<'_> {
    /// The brokers in order of preference. `None`: the first cannot be made out.
    pub(super) fn brokers(
        &mut self,
        raw: &At<RawMqtt>,
        tls: &Tls,
        websocket: bool,
    ) -> Option<Vec<Broker>> {
        let place = &raw.place;
        let host = raw.host.required(place, "host", &mut self.problems)?;
        let default_port = match (websocket, tls) {
            (false, Tls::Off) => 1883,
            (false, Tls::Verified { .. }) => 8883,
            (true, Tls::Off) => 80,
            (true, Tls::Verified { .. }) => 443,
        };
        let named = raw.tls.given().map(|tls| &tls.value.server_name);
        let port = self.number(&raw.port, 1..=65_535, default_port);
        let mut brokers = vec![self.broker(host, port, named, tls)];
        for At { value, place } in raw.fallback.given().map_or(&[][..], |list| &list.value) {
            let RawBroker {
                host,
                port,
                server_name,
            } = value;
            let port = self.number(port, 1..=65_535, default_port);
            if let Some(host) = host.required(place, "host", &mut self.problems) {
                brokers.push(self.broker(host, port, Some(server_name), tls));
            }
        }
        Some(brokers)
    }

    fn broker(
        &mut self,
        host: &At<String>,
        port: u64,
        server_name: Option<&Field<String>>,
        tls: &Tls,
    ) -> Broker {
        if host.value.is_empty()
            || host.value.contains(['/', '@'])
            || host.value.contains(char::is_whitespace)
        {
            self.problems.push(host.problem(
                "must be a host name or address alone; the port goes to port, the login to user and password_file",
            ));
        }
        let server_name = server_name.and_then(Field::given);
        if let (Some(name), Tls::Off) = (server_name, tls) {
            self.problems
                .push(name.problem("means nothing without ca_file"));
        }
        let server_name = server_name.and_then(|at| match ServerName::try_from(at.value.clone()) {
            Ok(name) => Some(name),
            Err(_) => self.refuse(at, format!("{:?} is no host name or address", at.value)),
        });
        Broker {
            host: host.value.clone(),
            port: u16::try_from(port).unwrap_or_default(),
            server_name,
        }
    }

    pub(super) fn mqtt_version(&mut self, raw: &Field<String>) -> MqttVersion {
        let version = raw.given().and_then(|at| match at.value.as_str() {
            "5" => Some(MqttVersion::V5),
            "3.1.1" => Some(MqttVersion::V311),
            other => self.refuse(at, format!("{other:?} is neither \"5\" nor \"3.1.1\"")),
        });
        version.unwrap_or(MqttVersion::V5)
    }

    /// The path of the WebSocket, if one is wanted.
    pub(super) fn websocket(&mut self, raw: &RawMqtt) -> Option<String> {
        let websocket = match raw.transport.given() {
            None => false,
            Some(at) => match at.value.as_str() {
                "tcp" => false,
                "websocket" => true,
                other => self
                    .refuse(
                        at,
                        format!("{other:?} is neither \"tcp\" nor \"websocket\""),
                    )
                    .unwrap_or(false),
            },
        };
        match raw.path.given() {
            Some(path) if !websocket => {
                self.refuse(path, "means nothing without transport = \"websocket\"")
            }
            Some(path)
                if !path.value.starts_with('/')
                    || !path.value.chars().all(|c| c.is_ascii_graphic() && c != '#') =>
            {
                self.refuse(path, "must be a path such as \"/mqtt\"")
            }
            Some(path) => Some(path.value.clone()),
            None => websocket.then(|| "/mqtt".to_owned()),
        }
    }

    pub(super) fn mqtt_tls(&mut self, raw: &RawMqtt) -> Tls {
        let plaintext = raw.insecure_plaintext.or(false);
        let client = match (raw.client_cert_file.given(), raw.client_key_file.given()) {
            (Some(certificate), Some(key)) => {
                Some((self.readable(certificate), self.readable(key)))
            }
            (Some(lonely), None) => self.refuse(lonely, "needs client_key_file beside it"),
            (None, Some(lonely)) => self.refuse(lonely, "needs client_cert_file beside it"),
            (None, None) => None,
        };
        match raw.ca_file.given() {
            Some(ca) if plaintext => {
                self.problems.push(
                    ca.problem("contradicts insecure_plaintext = true: leave one of the two out"),
                );
                Tls::Off
            }
            Some(ca) => Tls::Verified {
                ca: self.readable(ca),
                client,
                alpn: self.alpn(raw.tls.given()),
            },
            None => {
                self.no_tls(raw, plaintext);
                Tls::Off
            }
        }
    }

    /// Without an authority the brokers must be on this machine, or `plaintext` be wanted.
    fn no_tls(&mut self, raw: &RawMqtt, plaintext: bool) {
        let fallback = raw.fallback.given().map_or(&[][..], |list| &list.value);
        let hosts = std::iter::once(&raw.host).chain(fallback.iter().map(|f| &f.value.host));
        for host in hosts.filter_map(Field::given) {
            if !plaintext && !is_loopback(&host.value) && !matches!(raw.ca_file, Field::Faulty) {
                self.problems.push(host.problem(format!(
                    "{:?} is not this machine, so the connection needs TLS: name the certificate authority in \
                     ca_file (or say insecure_plaintext = true, which the node's status then shows)",
                    host.value
                )));
            }
        }
        if let Some(certificate) = raw.client_cert_file.given() {
            self.problems
                .push(certificate.problem("means nothing without ca_file"));
        }
        if let Some(alpn) = raw.tls.given().and_then(|tls| tls.value.alpn.given()) {
            self.problems
                .push(alpn.problem("means nothing without ca_file"));
        }
    }

    fn alpn(&mut self, raw: Option<&At<RawMqttTls>>) -> Vec<String> {
        let names = raw.and_then(|tls| tls.value.alpn.given());
        let names = names.map_or(&[][..], |list| &list.value);
        for name in names {
            if !(1..=LONGEST_ALPN).contains(&name.value.len()) {
                let text = format!("a protocol's name has 1 to {LONGEST_ALPN} bytes");
                self.problems.push(name.problem(text));
            }
        }
        names.iter().map(|name| name.value.clone()).collect()
    }
}

/// Whether `host` is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
