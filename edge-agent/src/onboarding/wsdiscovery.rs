//! WS-Discovery (OASIS, April 2005, as ONVIF's Core Specification takes it): a probe by multicast, and who answers.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    time::{Duration, Instant},
};

use roxmltree::{Document, Node};
use socket2::{Domain, Protocol, Socket, Type};
use uuid::Uuid;

const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 255, 250), 3702);

/// Datagrams are no longer than this.
const LONGEST: usize = 64 << 10;

/// Answers are few and small: a flood of them is not read to its end.
const MOST: usize = 4096;

/// A device that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Match {
    /// From where it answered.
    pub(super) address: IpAddr,
    /// Where its device service is, at the address that it answered from: nobody is sent elsewhere.
    pub(super) service: Option<String>,
    /// What it says of itself, as "name" and "hardware".
    pub(super) scopes: BTreeMap<String, String>,
}

/// Asks on the network of `interface` (the usual one where it is unspecified) and listens for so long.
///
/// # Errors
/// No socket, or no such interface.
pub(super) fn discover(interface: Ipv4Addr, time: Duration) -> io::Result<Vec<Match>> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind(&SocketAddr::from((interface, 0)).into())?;
    if !interface.is_unspecified() {
        socket.set_multicast_if_v4(&interface)?;
    }
    socket.set_multicast_ttl_v4(4)?;
    let socket = UdpSocket::from(socket);
    // Some cameras answer only those who ask for cameras, others only those who ask for anything.
    for types in ["dn:NetworkVideoTransmitter", ""] {
        socket.send_to(probe(types).as_bytes(), GROUP)?;
    }
    let (until, mut buffer) = (Instant::now() + time, vec![0; LONGEST]);
    let mut found: BTreeMap<IpAddr, Match> = BTreeMap::new();
    for _ in 0..MOST {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break;
        }
        socket.set_read_timeout(Some(left))?;
        let (length, from) = match socket.recv_from(&mut buffer) {
            Ok(came) => came,
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                ) =>
            {
                break;
            }
            Err(e) => return Err(e),
        };
        let text = std::str::from_utf8(buffer.get(..length).unwrap_or_default());
        if let Some(one) = text.ok().and_then(|text| read(text, from.ip())) {
            found.insert(from.ip(), one);
        }
    }
    Ok(found.into_values().collect())
}

fn probe(types: &str) -> String {
    let id = Uuid::new_v4();
    let types = match types {
        "" => String::new(),
        types => format!("<d:Types>{types}</d:Types>"),
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <e:Envelope xmlns:e=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:w=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
         xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\" xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\">\
         <e:Header><w:MessageID>uuid:{id}</w:MessageID>\
         <w:To e:mustUnderstand=\"true\">urn:schemas-xmlsoap-org:ws:2005:04:discovery</w:To>\
         <w:Action e:mustUnderstand=\"true\">http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</w:Action></e:Header>\
         <e:Body><d:Probe>{types}</d:Probe></e:Body></e:Envelope>"
    )
}

/// An answer of a camera; nothing of what is none.
fn read(text: &str, from: IpAddr) -> Option<Match> {
    let document = Document::parse(text).ok()?;
    let of = |name: &str| text_of(document.root(), name);
    let scopes = of("Scopes").unwrap_or_default();
    let known = scopes.split_whitespace().filter_map(|scope| {
        let rest = scope.strip_prefix("onvif://www.onvif.org/")?;
        let (name, value) = rest.split_once('/')?;
        Some((name.to_lowercase(), value.replace("%20", " ")))
    });
    let scopes: BTreeMap<String, String> = known.collect();
    let camera = of("Types").is_some_and(|types| types.contains("NetworkVideoTransmitter"));
    if !camera && scopes.is_empty() {
        return None;
    }
    let services = of("XAddrs").unwrap_or_default();
    let service = services
        .split_whitespace()
        .find(|address| host(address) == Some(from));
    Some(Match {
        address: from,
        service: service.map(str::to_owned),
        scopes,
    })
}

/// The address of an http service.
pub(super) fn host(address: &str) -> Option<IpAddr> {
    let rest = address
        .strip_prefix("http://")
        .or_else(|| address.strip_prefix("https://"))?;
    let authority = rest.split('/').next()?;
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next()?,
        None => authority.split(':').next()?,
    };
    host.parse().ok()
}

/// The text of the first element of this local name.
pub(super) fn text_of(node: Node<'_, '_>, name: &str) -> Option<String> {
    let found = node.descendants().find(|one| one.tag_name().name() == name);
    found
        .and_then(|one| one.text())
        .map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "<E:Envelope xmlns:E=\"http://www.w3.org/2003/05/soap-envelope\" xmlns:d=\"urn:d\"><E:Body><d:ProbeMatches>\
        <d:ProbeMatch><d:Types>dn:NetworkVideoTransmitter</d:Types>\
        <d:Scopes>onvif://www.onvif.org/name/East%20gate onvif://www.onvif.org/hardware/X1</d:Scopes>\
        <d:XAddrs>http://169.254.1.1/onvif/device_service http://192.0.2.7:8080/onvif/device_service</d:XAddrs>\
        </d:ProbeMatch></d:ProbeMatches></E:Body></E:Envelope>";

    #[test]
    fn a_camera_is_asked_only_where_it_answered_from() {
        let found = read(ANSWER, "192.0.2.7".parse().unwrap()).unwrap();
        assert_eq!(
            found.service.as_deref(),
            Some("http://192.0.2.7:8080/onvif/device_service")
        );
        assert_eq!(found.scopes["name"], "East gate");
        let elsewhere = read(ANSWER, "192.0.2.8".parse().unwrap()).unwrap();
        assert_eq!(elsewhere.service, None);
    }

    #[test]
    fn printers_and_noise_are_no_cameras() {
        let from = "192.0.2.7".parse().unwrap();
        let printer = ANSWER.replace("dn:NetworkVideoTransmitter", "p:Printer");
        assert_eq!(read(&printer.replace("onvif://", "printer://"), from), None);
        assert_eq!(read("no xml", from), None);
        let entities = "<!DOCTYPE a [<!ENTITY x \"xx\">]><a>&x;</a>";
        assert_eq!(read(entities, from), None, "entities are not followed");
    }
}
