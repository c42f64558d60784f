//! The harness' proxy: it does what it is told, to the byte.

#![expect(clippy::unwrap_used, reason = "a failing step of a test ends it")]

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use tests::harness::{Conduct, PATIENCE, Proxy, Way};

/// Accepts one connection, reads it to its end, and gives what came.
fn listener() -> (u16, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut came = Vec::new();
        let mut buffer = [0; 4096];
        // A reset is an end like any other here.
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            came.extend_from_slice(&buffer[..count]);
        }
        came
    });
    (port, thread)
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i % 251) as u8).collect()
}

#[test]
fn an_open_way_passes_every_byte() {
    let (port, came) = listener();
    let proxy = Proxy::start(port, 1).unwrap();
    let mut stream = connect(&proxy);
    stream.write_all(&bytes(100_000)).unwrap();
    drop(stream);
    assert_eq!(came.join().unwrap(), bytes(100_000));
    assert_eq!((proxy.connections(), proxy.cuts()), (1, 0));
    assert_eq!(proxy.carried(), (100_000, 0));
}

#[test]
fn a_cut_comes_within_its_bytes() {
    let (port, came) = listener();
    let proxy = Proxy::start(port, 1).unwrap();
    proxy.set(Conduct {
        cut_within: (1000, 0),
        ..Conduct::GOOD
    });
    let mut stream = connect(&proxy);
    stream.write_all(&bytes(1000)).unwrap();
    // The cut reaches this side as an end or a reset.
    assert!(!matches!(stream.read(&mut [0; 1]), Ok(1..)));
    let came = came.join().unwrap();
    assert!(came.len() <= 1000, "{}", came.len());
    assert_eq!(came, bytes(came.len()));
    assert_eq!(proxy.cuts(), 1);
}

#[test]
fn a_narrow_and_late_link_takes_its_time() {
    let (port, came) = listener();
    let proxy = Proxy::start(port, 1).unwrap();
    proxy.set(Conduct {
        delay: Duration::from_millis(200),
        rate: Some(8000),
        ..Conduct::GOOD
    });
    let begun = Instant::now();
    let mut stream = connect(&proxy);
    stream.write_all(&bytes(4000)).unwrap();
    drop(stream);
    assert_eq!(came.join().unwrap(), bytes(4000));
    // A lower bound that no machine can fall short of: half a second for the bytes, after the delay of the first.
    assert!(begun.elapsed() >= Duration::from_millis(700));
}

#[test]
fn what_the_broker_says_comes_in_batches() {
    let broker = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = Proxy::start(broker.local_addr().unwrap().port(), 1).unwrap();
    let every = Duration::from_millis(300);
    proxy.set(Conduct {
        batch: Some(every),
        ..Conduct::GOOD
    });
    let begun = Instant::now();
    let mut stream = connect(&proxy);
    let (mut far, _) = broker.accept().unwrap();
    far.write_all(&bytes(10)).unwrap();
    let mut came = [0; 10];
    stream.read_exact(&mut came).unwrap();
    // A lower bound that no machine can fall short of.
    assert!(begun.elapsed() >= every);
    assert_eq!(came.to_vec(), bytes(10));
    // The other way nothing waits for its turn.
    stream.write_all(&bytes(5)).unwrap();
    far.read_exact(&mut came[..5]).unwrap();
    assert_eq!(came[..5], bytes(5));
}

#[test]
fn a_black_hole_swallows_and_a_refusal_resets() {
    let (port, came) = listener();
    let proxy = Proxy::start(port, 1).unwrap();
    let way = |way| Conduct {
        way,
        ..Conduct::GOOD
    };
    proxy.set(way(Way::BlackHole));
    let mut stream = connect(&proxy);
    stream.write_all(&bytes(100)).unwrap();
    drop(stream);
    assert!(came.join().unwrap().is_empty());
    proxy.set(way(Way::Refused));
    let mut stream = connect(&proxy);
    assert!(!matches!(stream.read(&mut [0; 1]), Ok(1..)));
}
