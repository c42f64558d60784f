use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn camera(id: &str, priority: u8) -> Weighed {
    Weighed {
        id: id.to_owned(),
        priority,
        asked: 5.0,
        floor: 1.0,
        seconds: false,
    }
}

fn load(gave_way: f32, busy: f32) -> Load {
    Load {
        gave_way,
        waited: 0.0,
        busy,
        heat: Heat::Cool,
    }
}

/// What `ladder` does when a box that bears `capacity` frames a second looks at it for `seconds`.
fn live(ladder: &mut Ladder, capacity: f32, seconds: usize) -> Vec<(usize, u8)> {
    let mut steps = Vec::new();
    for second in 0..seconds {
        let rate = ladder.rate_at(ladder.taken);
        let measured = load((1.0 - capacity / rate).max(0.0), (rate / capacity).min(1.0));
        if ladder.look(SECOND, &measured).is_some() {
            steps.push((second, ladder.step()));
        }
    }
    steps
}

fn street() -> Ladder {
    Ladder::new(vec![
        camera("north", 8),
        camera("south", 5),
        camera("yard", 2),
        camera("gate", 2),
    ])
}

#[test]
fn steps_are_taken_one_after_another_least_important_first_until_it_fits() {
    let mut ladder = street();
    // 20 frames a second are asked for and half of that is borne: 1 + 1 + 1 + 5 = 8 is the first that fits.
    let steps = live(&mut ladder, 10.0, 60);
    assert_eq!(steps.iter().map(|s| s.1).collect::<Vec<_>>(), [1, 1]);
    assert_eq!([0, 1, 2, 3].map(|i| ladder.fps(i)), [5.0, 1.0, 1.0, 1.0]);
    assert_eq!(ladder.strictness(), 0);
    let reason = ladder.reason();
    assert!(
        reason.contains("overload (17 % of")
            && reason.contains("3 of 4 cameras at their lowest rate (south, yard, gate)"),
        "{reason}"
    );
}

#[test]
fn every_step_is_reached_in_order_and_the_most_important_camera_is_never_paused() {
    let mut ladder = street();
    let steps = live(&mut ladder, 0.5, 300);
    let order: Vec<u8> = steps.iter().map(|s| s.1).collect();
    assert_eq!(order, [1, 1, 2, 3, 4, 4, 4]);
    assert_eq!([0, 1, 2, 3].map(|i| ladder.fps(i)), [1.0, 0.0, 0.0, 0.0]);
    assert!(
        ladder
            .reason()
            .ends_with("gates stricter, 3 paused (south, yard, gate)")
    );
}

#[test]
fn of_equals_the_first_in_the_configuration_is_paused_last() {
    let mut ladder = Ladder::new(vec![camera("a", 5), camera("b", 5), camera("c", 5)]);
    let steps = live(&mut ladder, 0.1, 100);
    assert_eq!(steps.iter().map(|s| s.1).collect::<Vec<_>>(), [2, 3, 4, 4]);
    assert_eq!([0, 1, 2].map(|i| ladder.fps(i)), [1.0, 0.0, 0.0]);
}

#[test]
fn a_moment_of_strain_moves_nothing() {
    let mut ladder = street();
    for second in 0..100 {
        let strained = second % 5 != 4;
        let measured = load(if strained { 0.5 } else { 0.0 }, 1.0);
        assert_eq!(ladder.look(SECOND, &measured), None);
    }
}

#[test]
fn it_comes_back_step_by_step_when_there_is_room_again() {
    let mut ladder = street();
    live(&mut ladder, 0.5, 300);
    let steps = live(&mut ladder, 100.0, 300);
    let order: Vec<u8> = steps.iter().map(|s| s.1).collect();
    assert_eq!(order, [4, 4, 3, 2, 1, 1, 0]);
    assert!(steps.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 15));
    assert_eq!([0, 1, 2, 3].map(|i| ladder.fps(i)), [5.0; 4]);
}

#[test]
fn it_does_not_come_back_where_the_rung_below_would_not_be_borne() {
    let mut ladder = street();
    live(&mut ladder, 10.0, 60);
    // 8 of 10 frames a second: nothing gives way, but the rung below asks for 12.
    assert_eq!(live(&mut ladder, 10.0, 3600), []);
}

#[test]
fn coming_back_too_soon_makes_it_wait_longer_the_next_time() {
    let mut ladder = street();
    live(&mut ladder, 10.0, 60);
    // What is measured misleads: the workers seem idle, and the rung below is too much all the same.
    let mut moves = Vec::new();
    for second in 0..400 {
        let measured = match ladder.taken {
            2 => load(0.0, 0.1),
            _ => load(0.5, 1.0),
        };
        if ladder.look(SECOND, &measured) == Some(Moved::Down) {
            moves.push(second);
        }
    }
    let waits: Vec<i32> = moves.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.len() >= 3, "{moves:?}");
    assert!(waits.windows(2).all(|pair| pair[1] > pair[0]), "{waits:?}");
}

#[test]
fn heat_alone_leads_up_and_warmth_keeps_it_there() {
    let mut ladder = street();
    let at = |heat| Load {
        heat,
        ..load(0.0, 0.1)
    };
    for _ in 0..5 {
        ladder.look(SECOND, &at(Heat::Hot("cpu at 96 °C".to_owned())));
    }
    assert_eq!(ladder.step(), 1);
    assert!(ladder.reason().starts_with("heat (cpu at 96 °C): "));
    for _ in 0..100 {
        assert_eq!(ladder.look(SECOND, &at(Heat::Warm)), None);
    }
    let moved = (0..20).find_map(|_| ladder.look(SECOND, &at(Heat::Cool)));
    assert_eq!(moved, Some(Moved::Down));
}

#[test]
fn a_camera_that_is_slow_anyway_is_not_lowered() {
    let mut slow = camera("slow", 1);
    (slow.asked, slow.floor) = (0.5, 0.5);
    let mut ladder = Ladder::new(vec![slow, camera("north", 5)]);
    let steps = live(&mut ladder, 2.0, 30);
    assert_eq!(steps.iter().map(|s| s.1).collect::<Vec<_>>(), [2]);
    assert_eq!([0, 1].map(|i| ladder.fps(i)), [0.5, 1.0]);
}

proptest! {
    #[test]
    fn no_measurement_pauses_the_most_important_or_skips_a_rung(
        priorities in prop::collection::vec(1..=10_u8, 1..8),
        measured in prop::collection::vec((0.0..=1.0_f32, 0.0..=1.0_f32, 0..3_u8), 0..300),
    ) {
        let cameras: Vec<Weighed> = priorities.iter().map(|p| camera("c", *p)).collect();
        let best = priorities.iter().max().copied();
        let mut ladder = Ladder::new(cameras);
        for (gave_way, busy, heat) in measured {
            let heat = match heat {
                0 => Heat::Cool,
                1 => Heat::Warm,
                _ => Heat::Hot(String::new()),
            };
            let before = ladder.taken;
            let moved = ladder.look(SECOND * 5, &Load { heat, ..load(gave_way, busy) });
            prop_assert_eq!(ladder.taken.abs_diff(before), usize::from(moved.is_some()));
            let spared = priorities.iter().position(|p| Some(*p) == best);
            prop_assert!(spared.is_some_and(|i| ladder.fps(i) > 0.0));
        }
    }
}

#[test]
fn second_models_rest_first_and_look_again_last() {
    let with_looks = Weighed {
        seconds: true,
        ..camera("gate", 5)
    };
    let mut ladder = Ladder::new(vec![camera("north", 8), with_looks]);
    for _ in 0..5 {
        ladder.look(SECOND, &load(0.5, 1.0));
    }
    assert!(ladder.rests());
    assert_eq!((ladder.step(), ladder.fps(1)), (1, 5.0));
    let reason = ladder.reason();
    assert!(reason.ends_with("): second models rest"), "{reason}");
    for _ in 0..5 {
        ladder.look(SECOND, &load(0.5, 1.0));
    }
    let reason = ladder.reason();
    assert!(
        reason.ends_with("second models rest, 1 of 2 cameras at their lowest rate (gate)"),
        "{reason}"
    );
    for _ in 0..100 {
        ladder.look(SECOND, &load(0.0, 0.1));
    }
    assert!(!ladder.rests());
    assert_eq!(ladder.step(), 0);
}
