//! What is kept over restarts, what is refused, and what becomes of areas whose rule is gone.

use std::path::Path;

use analytics::{geometry::Point, rule::RuleIndex};
use protocol::PinnedKey;
use ring::signature::Ed25519KeyPair;

use super::*;
use crate::{archive::Archive, config};

const BOX: [f32; 4] = [0.4, 0.5, 0.1, 0.2];

/// A node with a camera `gate` and these rules, in a folder that stays.
fn settings(folder: &Path, rules: &[&str]) -> Settings {
    let key = PinnedKey::of(&Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap());
    let rules: Vec<String> = rules
        .iter()
        .map(|id| format!("{{ id = \"{id}\", kind = \"intrusion\", zone = \"z\" }}"))
        .collect();
    let text = format!(
        "state_dir = {folder:?}\nnode = {{ region = \"r\", site = \"s\", name = \"n\" }}\nmqtt = {{ host = \"localhost\" }}\n\
         [commands]\nkeys = [\"{key}\"]\n[[cameras]]\nid = \"gate\"\nurl = \"rtsp://192.0.2.1/\"\n\
         zones = [{{ id = \"z\", polygon = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]] }}]\nrules = [{}]\n",
        rules.join(", ")
    );
    let file = folder.join("edge-agent.toml");
    std::fs::write(&file, text).unwrap();
    config::load(&file).unwrap()
}

struct Bench {
    verdicts: Verdicts,
    teller: Teller,
    faults: Faults,
    figures: VerdictFigures,
}

fn open(folder: &Path, rules: &[&str]) -> Bench {
    let (settings, metrics, faults) = (settings(folder, rules), Metrics::new(), Faults::default());
    let own = settings.archive.clone();
    let archive = Archive::open(own, &folder.join("archive"), "", &faults, &metrics);
    let figures = metrics.commands.verdicts.clone();
    let replay = ReplaySet::open(&settings, archive, figures.clone());
    let verdicts = Verdicts::open(&settings, replay, &metrics, &faults);
    Bench {
        teller: verdicts.tellers().of(&settings.cameras[0]),
        verdicts,
        faults,
        figures,
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

impl Bench {
    /// An incident of the rule `in` that the camera has told of.
    fn incident(&self, boxes: &[[f32; 4]]) -> Uuid {
        let id = Uuid::now_v7();
        let known = Known {
            id,
            camera: name("gate"),
            rule: name("in"),
            opened: Utc::now(),
            boxes: boxes.to_vec(),
        };
        self.verdicts.tellers.say(Heard::Opened(known));
        id
    }

    fn ask(&mut self, command: Command) -> Result<Done, Refusal> {
        let now = protocol::now();
        let request = CommandRequest {
            request: Uuid::now_v7(),
            node: protocol::NodePath {
                region: name("r"),
                site: name("s"),
                node: name("n"),
            },
            issued: now,
            expires: now,
            command,
        };
        self.verdicts.carry_out(&request).unwrap()
    }

    fn judge(&mut self, incident: Uuid, ignore: Option<IgnoreArea>) -> Result<Done, Refusal> {
        self.ask(Command::Verdict {
            camera: name("gate"),
            incident,
            verdict: Verdict::False,
            ignore,
        })
    }

    fn list(&mut self) -> Vec<IgnoredArea> {
        let camera = name("gate");
        self.ask(Command::ListIgnored { camera }).unwrap().ignored
    }

    /// How many areas rule 0 is told to ignore now, and whether a foot point is in one; nothing where there is no news.
    fn told(&mut self, foot: (f32, f32)) -> Option<(usize, bool)> {
        let due = self.teller.due(Utc::now())?;
        let (rule, areas) = &due[0];
        assert_eq!(*rule, RuleIndex(0));
        let foot = Point::new(foot.0, foot.1);
        Some((areas.len(), areas.iter().any(|area| area.contains(foot))))
    }
}

#[test]
fn an_ignored_area_reaches_its_rule_at_once_and_after_a_restart_until_it_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = open(folder.path(), &["in", "other"]);
    assert_eq!(bench.told((0.45, 0.7)), Some((0, false)));
    let incident = bench.incident(&[BOX]);
    let done = bench.judge(incident, Some(IgnoreArea::default())).unwrap();
    assert_eq!(done.incident, Some(incident));
    let remark = done.remark.unwrap();
    assert!(remark.contains("replay.enabled"), "{remark}");
    // Where the object stands, and a little around it.
    assert_eq!(bench.told((0.45, 0.7)), Some((1, true)));
    assert_eq!(bench.told((0.45, 0.7)), None, "told once");
    assert_eq!(bench.list(), done.ignored);
    drop(bench);

    let mut bench = open(folder.path(), &["other", "in"]);
    assert_eq!(bench.told((0.45, 0.7)), Some((0, false)), "of another rule");
    let listed = bench.list();
    assert_eq!(listed, done.ignored);
    let (camera, area) = (name("gate"), listed[0].area);
    bench.ask(Command::Unignore { camera, area }).unwrap();
    assert_eq!(bench.told((0.45, 0.7)), Some((0, false)));
    let (camera, again) = (
        name("gate"),
        Command::Unignore {
            camera: name("gate"),
            area,
        },
    );
    let (outcome, why) = bench.ask(again).unwrap_err();
    assert_eq!(outcome, CommandOutcome::Refused);
    assert!(why.contains("(any more)"), "{camera}: {why}");
    assert_eq!(bench.figures.told().ignored_areas, 0);
}

#[test]
fn an_area_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = open(folder.path(), &["in"]);
    let incident = bench.incident(&[BOX]);
    let until = Utc::now() + jiff::SignedDuration::from_secs(60);
    let ignore = IgnoreArea {
        polygon: Some(vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]),
        until: Some(until),
    };
    bench.judge(incident, Some(ignore)).unwrap();
    assert_eq!(bench.told((0.9, 0.5)), Some((1, true)));
    let due = bench.teller.due(until).unwrap();
    assert!(due[0].1.is_empty());
}

#[test]
fn what_cannot_be_judged_is_refused_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = open(folder.path(), &["in"]);
    let (seen, unseen) = (bench.incident(&[BOX]), bench.incident(&[]));
    let area = |polygon: &[[f32; 2]]| {
        Some(IgnoreArea {
            polygon: Some(polygon.to_vec()),
            until: None,
        })
    };
    let past = Some(IgnoreArea {
        until: Some(Utc::UNIX_EPOCH),
        ..IgnoreArea::default()
    });
    for (incident, ignore, why) in [
        (Uuid::nil(), None, "has no incident"),
        (unseen, Some(IgnoreArea::default()), "has no objects"),
        (seen, area(&[[0.0, 0.0], [1.0, 1.0]]), "at least 3 points"),
        (
            seen,
            area(&[[0.0, 0.0], [2.0, 0.0], [1.0, 1.0]]),
            "outside the picture",
        ),
        (seen, past, "lies before"),
    ] {
        let (outcome, said) = bench.judge(incident, ignore).unwrap_err();
        assert_eq!(outcome, CommandOutcome::Refused);
        assert!(said.contains(why), "{said}");
    }
    let camera = name("roof");
    let (_, why) = bench.ask(Command::ListIgnored { camera }).unwrap_err();
    assert!(why.contains("these are there: gate"), "{why}");
    assert_eq!(bench.list(), []);
    assert!(bench.judge(unseen, None).is_ok());
}

#[test]
fn an_area_whose_rule_is_gone_is_dropped_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = open(folder.path(), &["in"]);
    let incident = bench.incident(&[BOX]);
    bench.judge(incident, Some(IgnoreArea::default())).unwrap();
    drop(bench);
    let mut bench = open(folder.path(), &["other"]);
    let told = bench.figures.told();
    assert_eq!((told.ignored_areas, told.areas_dropped), (0, 1));
    let why = told.last_dropped.unwrap();
    assert!(
        why.contains("its rule in is not in the configuration"),
        "{why}"
    );
    // The incident is still known; its rule is not.
    let (_, why) = bench
        .judge(incident, Some(IgnoreArea::default()))
        .unwrap_err();
    assert!(why.contains("no rule in any more"), "{why}");
    assert!(bench.judge(incident, None).is_ok());
    drop(bench);
    assert_eq!(open(folder.path(), &["in"]).list(), []);
}

#[test]
fn a_damaged_file_is_set_aside_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("verdicts.db");
    std::fs::write(&file, b"this is no database, whatever its name says").unwrap();
    let mut bench = open(folder.path(), &["in"]);
    let fault = bench.faults.told().join("; ");
    assert!(fault.contains("was damaged"), "{fault}");
    assert!(folder.path().join("verdicts.db.damaged-1").is_file());
    let incident = bench.incident(&[BOX]);
    bench.judge(incident, Some(IgnoreArea::default())).unwrap();
    assert_eq!(bench.list().len(), 1);
}

#[test]
fn what_rules_hold_back_is_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = open(folder.path(), &["in"]);
    for all in [0, 2, 2, 5] {
        bench.teller.count(std::iter::once((RuleIndex(0), all)));
    }
    assert_eq!(bench.figures.told().suppressed, 5);
}
