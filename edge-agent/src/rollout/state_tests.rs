use protocol::NodePath;
use uuid::Uuid;

use super::*;

fn desired(number: u64) -> DesiredConfig {
    DesiredConfig {
        push: Uuid::from_u128(number.into()),
        number,
        node: NodePath {
            region: "r".parse().unwrap(),
            site: "s".parse().unwrap(),
            node: "n".parse().unwrap(),
        },
        issued: protocol::now(),
        document: format!("# {number}"),
        trial: Trial::default(),
    }
}

/// A node on which push 1 stays and push 2 is tried, as far as `stage`.
fn trying(stage: PushStage) -> State {
    let mut state = State::default();
    state.receive(desired(1));
    state.finish(PushStage::Confirmed, "", Vec::new());
    state.receive(desired(2));
    state.name_canary("gate".parse().unwrap());
    state.enter(stage, None);
    state
}

#[test]
fn only_from_the_canary_on_something_else_is_in_force() {
    let good = Some("# 1".to_owned());
    for stage in [PushStage::Received, PushStage::Checked, PushStage::Shadow] {
        assert_eq!(
            trying(stage).pushed(),
            Pushed {
                good: good.clone(),
                trial: None
            }
        );
    }
    let tried = |stage| {
        trying(stage)
            .pushed()
            .trial
            .map(|trial| (trial.document, trial.only))
    };
    let two = "# 2".to_owned();
    assert_eq!(
        tried(PushStage::Canary),
        Some((two.clone(), Some("gate".parse().unwrap())))
    );
    assert_eq!(tried(PushStage::Everywhere), Some((two, None)));
}

#[test]
fn whatever_stage_it_was_interrupted_in_it_starts_with_what_was_good() {
    let stages = [
        PushStage::Received,
        PushStage::Checked,
        PushStage::Shadow,
        PushStage::Canary,
        PushStage::Everywhere,
    ];
    for stage in stages {
        let mut state = trying(stage);
        for _ in 0..MAX_INTERRUPTIONS {
            assert!(state.interrupted());
            assert_eq!(
                (state.stage(), state.pushed()),
                (Some(PushStage::Received), state.good())
            );
            state.enter(stage, None);
        }
        assert!(state.interrupted());
        let ended = if stage >= PushStage::Canary {
            PushStage::RolledBack
        } else {
            PushStage::Rejected
        };
        assert_eq!(
            state.report().map(|report| report.stage),
            Some(ended),
            "{stage:?}"
        );
        assert_eq!((state.stage(), state.confirmed()), (None, Some(1)));
        assert!(!state.interrupted(), "what is over is not interrupted");
    }
}

#[test]
fn what_was_written_is_read_and_what_is_damaged_is_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let (store, state, fault) = Store::open(folder.path());
    assert_eq!((state, fault), (State::default(), None));
    store.write(&trying(PushStage::Shadow)).unwrap();
    let (_, state, fault) = Store::open(folder.path());
    assert_eq!((state.stage(), fault), (Some(PushStage::Shadow), None));
    fs::write(folder.path().join(FILE), "{\"taken\": ").unwrap();
    let (_, state, fault) = Store::open(folder.path());
    assert_eq!(state, State::default());
    assert!(fault.unwrap().contains("rollout.damaged"));
    assert!(folder.path().join("rollout.damaged").is_file());
}
