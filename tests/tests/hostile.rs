//! Every row of docs/hostile-cameras.md against the real agent: one node, a camera for each row, a good one beside them.

#![expect(clippy::unwrap_used, reason = "a failing step of a test ends it")]

mod hostile {
    pub(crate) mod bench;
    pub(crate) mod rows;
}

use std::collections::BTreeMap;

use camera_sim::hostile::{BitRate, Codec, Hostile, HostileCamera, HostileSettings, Look, Source};
use camera_sim::space::Size;
use hostile::{
    bench::{Bench, Seen, Window},
    rows::{ROWS, Row},
};
use tests::harness::{Leash, Node, NodeConfig, WatchedCamera, free_port, workspace};

/// Small pictures at a low rate: they are many.
const LOOK: Look = Look {
    size: Size {
        width: 320,
        height: 180,
    },
    fps: 5,
    codec: Codec::H264,
    rate: BitRate::Even,
};
/// The good camera.
const GOOD: &str = "good";
/// Share of the good camera's rate that is left to the noise of a busy machine.
const NOISE: f64 = 0.2;

/// Names of the table's rows and what it says of their end, seconds.
fn table() -> BTreeMap<String, u64> {
    let page = std::fs::read_to_string(workspace().join("docs/hostile-cameras.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| {
        row.trim_matches('|')
            .split('|')
            .map(str::trim)
            .collect::<Vec<_>>()
    });
    // The other tables of the page have fewer columns.
    let rows = cells.filter(|cells| cells.len() == 6).map(|cells| {
        let within = cells[5].trim_end_matches(" s").parse().unwrap();
        (cells[0].trim_matches('`').to_owned(), within)
    });
    rows.collect()
}

#[test]
fn every_row_of_the_table_has_its_test_and_every_test_its_row() {
    let rows: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
    let mut sorted = rows.clone();
    sorted.sort_unstable();
    let table = table();
    assert_eq!(sorted, table.keys().map(String::as_str).collect::<Vec<_>>());
}

fn serve(mounts: impl IntoIterator<Item = String>) -> Hostile {
    let cameras = mounts.into_iter().map(|mount| HostileCamera {
        mount,
        source: Source::Pattern,
        look: LOOK,
    });
    Hostile::start(HostileSettings::loopback(cameras.collect())).unwrap()
}

fn watched(id: &str, url: String, row: Option<&Row>) -> WatchedCamera {
    let camera = WatchedCamera::new(id, url);
    let fps = if row.is_some() { 1.0 } else { 2.0 };
    let keys = format!(
        "analysis_fps = {fps:.1}\nstall_timeout = \"3s\"\nfrozen_after = \"5s\"\nrefused_retry = \"5s\"\n"
    );
    let mut camera = camera.with(&keys).unwrap();
    if row.is_some_and(|row| row.udp) {
        camera.more.insert("transport".to_owned(), "udp".into());
    }
    camera
}

#[test]
fn one_cameras_trouble_stays_that_cameras_and_is_over_in_time() {
    let within = table();
    let cameras: Vec<(String, &Row)> = ROWS.iter().flat_map(Row::cameras).collect();
    let bad = serve(cameras.iter().map(|(id, _)| id.clone()));
    // A server of its own: what the others are told cannot reach it.
    let good = serve([GOOD.to_owned()]);
    for (id, row) in &cameras {
        for order in row.first {
            bad.order(id, order.parse().unwrap()).unwrap();
        }
    }
    let mut list = vec![watched(GOOD, good.url(GOOD), None)];
    list.extend(cameras.iter().map(|(id, row)| {
        let url = format!("{}{}", bad.url(id), row.path);
        watched(id, url, Some(row))
    }));
    // Nobody listens on the broker's port: the node goes on without it.
    let mut config = NodeConfig::new("node", free_port().unwrap(), list);
    config.http_port = Some(free_port().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::start(folder.path(), &config, Leash::Drop).unwrap();

    let seen = Seen::default();
    let failures = std::thread::scope(|scope| {
        let _stop = seen.stop_at_the_end();
        scope.spawn(|| seen.follow(&mut node));
        let bench = |id: &str, row: Option<&Row>| {
            let within = row.map_or(0, |row| within[row.name]);
            Bench::new(id, &bad, &seen, within)
        };
        for (id, _) in &cameras {
            bench(id, None).is_watched_from_the_start();
        }
        let before = Window::of(&bench(GOOD, None), 40);
        let testing: Vec<_> = cameras
            .iter()
            .map(|(id, row)| {
                let bench = bench(id, Some(row));
                let test = move || (row.test)(&bench);
                let thread = std::thread::Builder::new().name(format!("row {id}"));
                (id, thread.spawn_scoped(scope, test).unwrap())
            })
            .collect();
        let mut during = Window::open(&bench(GOOD, None));
        let ends = testing.into_iter().map(|(id, test)| (id, test.join()));
        let mut failures: Vec<&str> = ends
            .filter(|(_, end)| end.is_err())
            .map(|(id, _)| id.as_str())
            .collect();
        during.close(&bench(GOOD, None));
        println!("the good camera: {before:?} before, {during:?} during all that");
        let least = 1.0 - NOISE;
        if during.decoded_rate() < least * before.decoded_rate()
            || during.analysed_share() < least * before.analysed_share()
            || during.reconnected
        {
            failures.push(GOOD);
        }
        failures
    });
    assert!(
        failures.is_empty(),
        "cameras that did not do as the table says: {failures:?}\n{}",
        node.process.tail(60)
    );
}
