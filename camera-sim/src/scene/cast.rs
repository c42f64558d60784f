//! From what a scene file says to its actors: ways, acts, bags, crowds and streams, and what does not fit together.

use super::acting::{self, Doing, GOES_DOWN_S, What};
use super::actor::{Actor, Course, place, posed};
use super::custody::{self, Custody};
use super::motion::{Motion, Orders, Stop};
use super::raw::{Deed, RawActor, RawLook, RawScene};
use super::{crowd, stream};
use crate::actor::{Kind, Look, Pose};
use crate::dice::Dice;
use crate::draw::person::{Carried, Lying};
use crate::space::V2;

/// Opponents in a fight and people who hand something over are at most this far apart, metres.
const FIGHT_M: f32 = 2.5;
const REACH_M: f32 = 2.5;

/// Seconds that a fall takes at least: as long on the ground as on the way down.
const LEAST_FALL_S: f32 = 2.0 * GOES_DOWN_S;

/// Salts of the dice; actors that are scripted take 1 and up.
const CROWDS: u64 = 1 << 32;
const STREAMS: u64 = 2 << 32;

/// All actors, the scripted ones first, in the file's order; or everything that does not fit, each with its key.
pub(super) fn cast(raw: &RawScene) -> Result<Vec<Actor>, Vec<String>> {
    let mut problems = Vec::new();
    let mut actors: Vec<Actor> = (raw.actors.iter().enumerate())
        .map(|(i, a)| scripted(raw, a, i))
        .collect();
    for (i, (said, actor)) in raw.actors.iter().zip(&actors).enumerate() {
        if let Err(problem) = check_acts(said, actor) {
            problems.push(format!("actors[{i}].{problem}"));
        }
    }
    for i in 0..actors.len() {
        if let Err(problem) = fights(raw, &mut actors, i) {
            problems.push(format!("actors[{i}].{problem}"));
        }
    }
    for i in 0..actors.len() {
        if let Err(problem) = bag(raw, &mut actors, i) {
            problems.push(format!("actors[{i}].{problem}"));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    for (i, crowd) in raw.crowds.iter().enumerate() {
        let dice = &mut Dice::salted(raw.seed, CROWDS + i as u64);
        actors.extend(crowd::people(crowd, dice));
    }
    let named = raw.actors.len();
    for (i, stream) in raw.streams.iter().enumerate() {
        let dice = &mut Dice::salted(raw.seed, STREAMS + i as u64);
        let traffic = stream::traffic(stream, &actors[..named], raw.duration_s, dice);
        actors.extend(traffic);
    }
    Ok(actors)
}

/// An actor of the file, without what depends on others.
fn scripted(scene: &RawScene, raw: &RawActor, index: usize) -> Actor {
    let dice = &mut Dice::salted(scene.seed, 1 + index as u64);
    let mut look = with_wishes(Look::random(raw.kind, dice), &raw.look);
    let holds_bag = |a: &RawActor| [&a.owner, &a.taken_by].contains(&&Some(raw.name.clone()));
    if let Look::Walker(person) = &mut look
        && raw.look.carries.is_none()
        && person.carried != Carried::Backpack
        && (!raw.acts.is_empty() || scene.actors.iter().any(holds_bag))
    {
        // The hand is for the fists, or for the bag that the scene speaks of.
        person.carried = Carried::Nothing;
    }
    let mut doings: Vec<Doing> = raw.acts.iter().map(|a| doing(a, dice)).collect();
    doings.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
    let course = match raw.path.first() {
        None => Course::Bag(Custody {
            owner: None,
            left: None,
            taken: None,
        }),
        Some(&at) if raw.kind == Kind::Bag && raw.path.len() == 1 => Course::Bag(Custody {
            owner: None,
            left: Some((
                raw.start_s,
                Pose {
                    at,
                    heading: raw.heading_deg.to_radians(),
                    ..Pose::default()
                },
            )),
            taken: None,
        }),
        Some(_) => Course::Way(way(raw, &doings)),
    };
    Actor {
        name: raw.name.clone(),
        kind: raw.kind,
        look,
        course,
        doings,
    }
}

fn way(raw: &RawActor, doings: &[Doing]) -> Motion {
    let stop = |s: &super::raw::RawStop| Stop {
        at: s.at,
        seconds: s.seconds,
    };
    Motion::new(&Orders {
        speeds: raw.speeds.iter().map(|s| (s.at, s.speed)).collect(),
        stops: raw.stops.iter().map(stop).collect(),
        holds: doings.iter().filter_map(Doing::hold).collect(),
        heading: raw.heading_deg.to_radians(),
        stays: raw.stays,
        ..Orders::new(
            raw.kind,
            &raw.path,
            raw.start_s,
            raw.speed.unwrap_or(raw.kind.usual_speed()),
        )
    })
}

fn doing(raw: &super::raw::RawAct, dice: &mut Dice) -> Doing {
    let what = match raw.what {
        Deed::Fall => What::Fall {
            lying: dice.pick(&[Lying::Prone, Lying::Supine, Lying::OnSide]),
            twist: dice.range(-0.6, 0.6),
        },
        Deed::Fight => What::Fight {
            middle: V2::default(),
            apart: 0.0,
            ahead_s: dice.range(0.0, 4.0),
        },
        Deed::Wave => What::Wave,
        Deed::Sit => What::Sit,
    };
    Doing {
        what,
        from_s: raw.from_s,
        until_s: raw.until_s,
    }
}

/// Whether every act lies within the time that its actor is there, after the one before it.
fn check_acts(raw: &RawActor, actor: &Actor) -> Result<(), String> {
    let (from, until) = actor.span();
    let key = format!("acts ({})", raw.name);
    for (i, act) in actor.doings.iter().enumerate() {
        let (a, b) = (act.from_s, act.until_s);
        if a < from || b > until {
            let end = if until == f32::MAX {
                "the end".to_owned()
            } else {
                format!("{until:.1} s")
            };
            return Err(format!(
                "{key}: the act from {a} to {b} s is outside the actor's time, which is from {from} s to {end}"
            ));
        }
        if matches!(act.what, What::Fall { .. }) && b - a < LEAST_FALL_S {
            return Err(format!(
                "{key}: the fall from {a} to {b} s is too short; it takes {LEAST_FALL_S} s at least"
            ));
        }
        if let Some(next) = actor.doings.get(i + 1)
            && next.from_s < act.over_s()
        {
            return Err(format!(
                "{key}: the act from {} s begins before the one from {a} s is over at {} s",
                next.from_s,
                act.over_s()
            ));
        }
    }
    Ok(())
}

/// Gives the fights of actor `index` their middle, which lies between all who fight there at that time.
fn fights(raw: &RawScene, actors: &mut [Actor], index: usize) -> Result<(), String> {
    for k in 0..actors[index].doings.len() {
        let act = actors[index].doings[k];
        let What::Fight { ahead_s, .. } = act.what else {
            continue;
        };
        // By then both stand: who walks has been held for a second.
        let stand = |i: usize| match &actors[i].course {
            Course::Way(motion) => motion.pose(act.from_s + 1.0).map(|p| p.at),
            Course::Bag(_) => None,
        };
        let key = || format!("acts ({})", raw.actors[index].name);
        let own = stand(index).ok_or(format!("{}: it is not there to fight", key()))?;
        let overlaps = |o: &Doing| {
            matches!(o.what, What::Fight { .. }) && o.from_s < act.until_s && act.from_s < o.until_s
        };
        let places: Vec<V2> = (0..actors.len())
            .filter(|&i| actors[i].doings.iter().any(overlaps))
            .filter_map(stand)
            .filter(|p| (*p - own).length() < FIGHT_M)
            .collect();
        if places.len() < 2 {
            return Err(format!(
                "{}: fights alone at {} s; another actor within {FIGHT_M} m needs a fight at that time",
                key(),
                act.from_s
            ));
        }
        let sum = places.iter().fold(V2::default(), |s, p| s + *p);
        actors[index].doings[k].what = What::Fight {
            middle: sum * (1.0 / places.len() as f32),
            apart: acting::apart(places.len()),
            ahead_s,
        };
    }
    Ok(())
}

/// Works out the story of actor `index` if it is a bag with an owner or a taker.
fn bag(raw: &RawScene, actors: &mut [Actor], index: usize) -> Result<(), String> {
    let said = &raw.actors[index];
    let (Course::Bag(custody), Look::Bag(look)) = (&actors[index].course, &actors[index].look)
    else {
        return Ok(());
    };
    let mut custody = custody.clone();
    custody.owner = holder(raw, said, "owner", &said.owner)?;
    if let (Some(owner), Some(left_s)) = (custody.owner, said.left_s) {
        let held = posed(actors, owner, left_s).and_then(|p| custody::carried(&p, look));
        let held = held.ok_or(format!(
            "left_s ({}): its owner is not there at {left_s} s",
            said.name
        ))?;
        custody.left = Some((left_s, held));
    }
    let taker = holder(raw, said, "taken_by", &said.taken_by)?;
    if let (Some(taker), Some(taken_s)) = (taker, said.taken_s) {
        custody.taken = Some((taken_s, taker));
        let from = match (custody.left, custody.owner) {
            (Some((_, pose)), _) => Some(pose.at),
            (None, Some(owner)) => place(actors, owner, taken_s),
            (None, None) => None,
        };
        let hands = place(actors, taker, taken_s);
        let gap = hands.zip(from).map(|(a, b)| (a - b).length());
        let far = gap.ok_or(format!(
            "taken_s ({}): not both are there at {taken_s} s",
            said.name
        ))?;
        if far > REACH_M {
            return Err(format!(
                "taken_by ({}): is {far:.1} m away from it at {taken_s} s; at most {REACH_M} m",
                said.name
            ));
        }
    }
    actors[index].course = Course::Bag(custody);
    Ok(())
}

/// Index of the actor whom `key` of a bag calls by `name`, if it calls one.
fn holder(
    raw: &RawScene,
    bag: &RawActor,
    key: &str,
    name: &Option<String>,
) -> Result<Option<usize>, String> {
    let Some(name) = name else { return Ok(None) };
    let mut found = (0..raw.actors.len()).filter(|&i| raw.actors[i].name == *name);
    let key = format!("{key} ({})", bag.name);
    let Some(i) = found.next() else {
        return Err(format!("{key}: there is no actor \"{name}\""));
    };
    if found.next().is_some() {
        return Err(format!("{key}: two actors are named \"{name}\""));
    }
    if !raw.actors[i].kind.has_hands() {
        return Err(format!(
            "{key}: \"{name}\" cannot hold a bag; pedestrian, child and wheelchair can"
        ));
    }
    Ok(Some(i))
}

/// The seed's look with what the scene file says about it.
fn with_wishes(mut look: Look, wish: &RawLook) -> Look {
    use crate::light::Rgb;
    let colour = wish.colour.map(Rgb::hex);
    match &mut look {
        Look::Walker(p) | Look::Rider(_, p) | Look::Wheelchair(_, p) | Look::Stroller(_, p) => {
            p.top_colour = colour.unwrap_or(p.top_colour);
            p.bottom_colour = wish.legs.map_or(p.bottom_colour, Rgb::hex);
            p.height = wish.height.unwrap_or(p.height);
            p.carried = wish.carries.unwrap_or(p.carried);
        }
        Look::Vehicle(v) => {
            v.paint = colour.unwrap_or(v.paint);
            v.body = wish.body.unwrap_or(v.body);
        }
        Look::Bag(b) => b.colour = colour.unwrap_or(b.colour),
        Look::Dog(d) => {
            d.coat = colour.unwrap_or(d.coat);
            d.height = wish.height.unwrap_or(d.height);
        }
    }
    look
}
