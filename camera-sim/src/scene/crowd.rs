//! Crowds: people who come from around, stand together for a while and go their ways.

use super::acting::{Doing, What};
use super::actor::{Actor, Course};
use super::motion::{Motion, Orders, Stop};
use super::raw::RawCrowd;
use crate::actor::{Kind, Look};
use crate::dice::Dice;
use crate::space::{V2, v2};

/// Seconds before the crowd is whole in which its people arrive, and after its end in which they set off.
const ARRIVE_WITHIN_S: f32 = 12.0;
const LEAVE_WITHIN_S: f32 = 6.0;
/// The same for those who scatter, and how fast they run, m/s.
const SCATTER_WITHIN_S: f32 = 0.8;
const FLEES: [f32; 2] = [3.4, 4.8];
/// Turn between two neighbours on a sunflower's spiral, radians: it fills a disc evenly.
const GOLDEN: f32 = 2.399_963;

/// Its people: all of them stand in the circle from `from_s` to `until_s`.
pub(super) fn people(crowd: &RawCrowd, dice: &mut Dice) -> Vec<Actor> {
    let turn = dice.range(0.0, std::f32::consts::TAU);
    let person = |i: usize| {
        let ring = crowd.radius * ((i as f32 + 0.5) / crowd.count as f32).sqrt();
        let spot = crowd.at + V2::from_angle(turn + GOLDEN * i as f32) * ring;
        member(crowd, i, spot + near(dice, 0.08), dice)
    };
    (0..crowd.count).map(person).collect()
}

fn near(dice: &mut Dice, metres: f32) -> V2 {
    v2(dice.range(-metres, metres), dice.range(-metres, metres))
}

fn member(crowd: &RawCrowd, i: usize, spot: V2, dice: &mut Dice) -> Actor {
    let gate = |i: usize, dice: &mut Dice| crowd.from[i % crowd.from.len()] + near(dice, 0.7);
    let away = i + dice.below(crowd.from.len());
    let path = [gate(i, dice), spot, gate(away, dice)];
    let speed = dice.range(1.05, 1.6);
    let arrives = crowd.from_s - dice.range(0.0, ARRIVE_WITHIN_S);
    let within = match crowd.scatters {
        true => SCATTER_WITHIN_S,
        false => LEAVE_WITHIN_S,
    };
    let leaves = crowd.until_s + dice.range(0.0, within);
    let flees = crowd.scatters.then(|| dice.range(FLEES[0], FLEES[1]));
    let orders = |start_s: f32, seconds: f32| Orders {
        speeds: flees.map(|speed| (1, speed)).into_iter().collect(),
        stops: vec![Stop { at: 1, seconds }],
        ..Orders::new(Kind::Pedestrian, &path, start_s, speed)
    };
    let walk = Motion::new(&orders(0.0, 1.0)).first_halt().unwrap_or(0.0);
    let inwards = crowd.at - spot;
    let heading = if dice.chance(0.6) {
        inwards.y.atan2(inwards.x) + dice.range(-0.5, 0.5)
    } else {
        dice.range(0.0, std::f32::consts::TAU)
    };
    Actor {
        name: format!("{} {}", crowd.name, i + 1),
        kind: Kind::Pedestrian,
        look: Look::random(Kind::Pedestrian, dice),
        course: Course::Way(Motion::new(&orders(arrives - walk, leaves - arrives))),
        doings: vec![Doing {
            what: What::Mill { heading },
            from_s: arrives,
            until_s: leaves,
        }],
    }
}
