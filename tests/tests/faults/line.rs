//! A line from a raiser over a proxy and a broker to a centre, and what must hold of it in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use tests::harness::{Broker, Centre, Leash, PATIENCE, Proxy, Raiser, Raising, wait_for};
use uuid::Uuid;

/// How long what was raised may take to arrive after the last fault.
const ARRIVAL: Duration = Duration::from_secs(300);
/// The broker keeps all that waits for the centre, over an orderly restart at least.
pub(super) const KEEPS: &str = "persistence true\n";

/// Fields are dropped in this order.
pub(crate) struct Line {
    pub(crate) raiser: Raiser,
    pub(crate) centre: Centre,
    pub(crate) proxy: Proxy,
    pub(crate) broker: Broker,
    _folder: tempfile::TempDir,
}

/// A message at the centre.
pub(super) struct Came {
    bootid: Uuid,
    pub(super) seq: u64,
    source: String,
    id: Uuid,
}

impl Line {
    /// A raiser that raises `count` messages with `pause` between two, as soon as it runs.
    pub(crate) fn start(count: u64, pause: Duration, seed: u64) -> Line {
        let raising = Raising {
            count,
            pause,
            ..Raising::default()
        };
        Line::start_with(&raising, KEEPS, seed)
    }

    /// As [`Line::start`], with further lines of the broker's configuration.
    pub(crate) fn start_with(raising: &Raising, further: &str, seed: u64) -> Line {
        let folder = tempfile::tempdir().unwrap();
        let broker = folder.path().join("broker");
        let keep = format!(
            "allow_anonymous true\npersistence_location {}/\nmax_queued_messages 0\n{further}",
            broker.display()
        );
        let config = |port| format!("listener {port} 127.0.0.1\n{keep}");
        let broker = Broker::start_with(&broker, Leash::Drop, config).unwrap();
        let centre = folder.path().join("centre");
        let centre = Centre::start(&centre, broker.port(), Leash::Drop).unwrap();
        let proxy = Proxy::start(broker.port(), seed).unwrap();
        let node = folder.path().join("node");
        let raiser = Raiser::start(&node, proxy.port(), raising).unwrap();
        Line {
            raiser,
            centre,
            proxy,
            broker,
            _folder: folder,
        }
    }

    /// How many messages are known to be durable.
    pub(crate) fn raised(&self) -> usize {
        self.raiser.journal().unwrap().len()
    }

    /// Waits until `more` messages have been raised than now.
    pub(crate) fn wait_for_more(&mut self, more: usize) {
        let wanted = self.raised() + more;
        let state = &self.raiser;
        wait_for("more to be raised", PATIENCE, &mut [], || {
            Ok((state.journal()?.len() >= wanted).then_some(()))
        })
        .unwrap();
    }

    /// Waits until the raiser has sent all and the centre has it; then nothing may be lost, double, out of place
    /// or missing. `unsure`: messages that may be durable and not in the journal, one for each kill of the raiser.
    pub(crate) fn assert_nothing_lost(&mut self, unsure: usize) {
        let process = &mut self.raiser.process;
        let ended = wait_for("all to be sent", ARRIVAL, &mut [], || process.ended());
        let ended = ended.unwrap_or_else(|error| panic!("{error}\n{}", process.tail(30)));
        assert!(ended.success(), "raiser: {ended}\n{}", process.tail(30));
        let raised = self.raiser.journal().unwrap();
        let wanted: BTreeSet<(String, Uuid)> =
            raised.iter().map(|m| (m.source.clone(), m.id)).collect();
        assert_eq!(wanted.len(), raised.len(), "raised twice");
        self.centre.wait_until_connected().unwrap();
        let centre = &mut self.centre;
        let database = centre.database();
        let came = wait_for(
            "the centre to have all",
            ARRIVAL,
            &mut [&mut centre.process],
            || {
                let came = messages(&database)?;
                Ok(wanted.is_subset(&identities(&came)).then_some(came))
            },
        )
        .unwrap();
        let more = identities(&came).len() - wanted.len();
        assert!(more <= unsure, "{more} came that nobody raised");
        let places: BTreeMap<Uuid, (Uuid, u64)> =
            came.iter().map(|m| (m.id, (m.bootid, m.seq))).collect();
        for message in &raised {
            let place = (message.bootid, message.seq);
            assert_eq!(places[&message.id], place, "stands where it was raised");
        }
        assert_whole(&came);
        self.assert_no_gap();
    }

    /// What the centre has.
    pub(crate) fn came(&self) -> Vec<Came> {
        messages(&self.centre.database()).unwrap()
    }

    /// No number is missing. Numbers that the spool gave up on purpose would have to be told by tombstones: there are
    /// none here, so the centre may show none.
    fn assert_no_gap(&mut self) {
        self.centre.sign_in().unwrap();
        let overview = self.centre.ask("/api/nodes", None).unwrap();
        for node in overview["nodes"].as_array().unwrap() {
            assert_eq!(node["gaps"], serde_json::json!([]), "{node}");
        }
        assert_eq!(overview["centre"]["parked"], 0, "{overview}");
    }
}

fn identities(came: &[Came]) -> BTreeSet<(String, Uuid)> {
    came.iter().map(|m| (m.source.clone(), m.id)).collect()
}

fn messages(database: &std::path::Path) -> anyhow::Result<Vec<Came>> {
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    database.busy_timeout(Duration::from_secs(5))?;
    let mut rows = database.prepare("SELECT body FROM message")?;
    let rows = rows.query_map([], |row| row.get::<_, String>(0))?;
    rows.map(|row| {
        let event: protocol::IncidentEvent = serde_json::from_str(&row?)?;
        Ok(Came {
            bootid: event.bootid,
            seq: event.seq,
            source: event.source,
            id: event.id,
        })
    })
    .collect()
}

/// Each boot's numbers count from 1 without a hole, each once. When they came does not matter: what happens now goes
/// before a backlog.
fn assert_whole(came: &[Came]) {
    let mut boots: BTreeMap<Uuid, Vec<u64>> = BTreeMap::new();
    for message in came {
        boots.entry(message.bootid).or_default().push(message.seq);
    }
    for (boot, mut seqs) in boots {
        seqs.sort_unstable();
        let all: Vec<u64> = (1..=seqs.len() as u64).collect();
        assert_eq!(seqs, all, "numbers of boot {boot}");
    }
}
