//! Random actors on a given street: people where people walk, some of them lying, fighting, running or sitting,
//! vehicles in their lanes, dogs beside people, bags on the ground.

use crate::actor::{Act, Kind, Look, Pose, Posed};
use crate::dice::Dice;
use crate::draw::person::{Carried, Lying};
use crate::space::{Camera, V2, inside, v2};
use crate::world::{Material, World};

/// Nothing is placed nearer to the camera than this, metres.
const NEAREST_M: f32 = 4.0;

/// Shares of pictures in which somebody lies on the ground, two people fight, a dog walks alone and bags stand around:
/// far more than in any city, for a detector learns from what it sees.
const FALLEN: f32 = 0.28;
const FIGHT: f32 = 0.04;
const STRAYS: f32 = 0.4;
const BAGS: f32 = 0.5;
/// Shares of walkers who are children, use a wheelchair, push a stroller.
const CHILDREN: f32 = 0.07;
const WHEELCHAIRS: f32 = 0.04;
const STROLLERS: f32 = 0.05;
/// Shares of pedestrians who stand, run, sit on the ground, wave.
const STANDS: f32 = 0.22;
const RUNS: f32 = 0.08;
const SITS: f32 = 0.04;
const WAVES: f32 = 0.03;

/// A random crowd of actors that stand clear of each other, most of them in the picture.
pub fn traffic(world: &World, camera: &Camera, dice: &mut Dice) -> Vec<Posed> {
    let walks = world.walks();
    let mut scatter = Scatter {
        world,
        camera,
        walks: &walks,
        actors: Vec::new(),
    };
    let busy = dice.range(0.15, 1.0);
    let walkers = (busy * dice.range(2.0, 20.0)) as usize;
    let vehicles = (busy * dice.range(1.0, 11.0)) as usize;
    let cycles = (busy * dice.range(0.5, 8.0)) as usize;
    let bags = if dice.chance(BAGS) {
        1 + dice.below(3)
    } else {
        0
    };
    scatter.vehicles(vehicles, dice);
    scatter.cycles(cycles, dice);
    scatter.emergencies(dice);
    scatter.walkers(walkers, dice);
    if dice.chance(STRAYS) {
        let speed = dice.pick(&[0.0, 1.2, 3.5]);
        scatter.on_foot(Kind::Dog, speed, Act::Going, dice);
    }
    for _ in 0..bags {
        scatter.on_foot(Kind::Bag, 0.0, Act::Going, dice);
    }
    scatter.actors
}

/// A street that fills.
struct Scatter<'w> {
    world: &'w World,
    camera: &'w Camera,
    walks: &'w [Vec<V2>],
    actors: Vec<Posed>,
}

impl Scatter<'_> {
    fn vehicles(&mut self, count: usize, dice: &mut Dice) {
        use Kind::{Bus, Car, Truck, Van};
        for _ in 0..count {
            let kind = dice.pick(&[Car, Car, Car, Car, Van, Bus, Truck]);
            let world = self.world;
            self.add(kind, dice, &|dice| driving(world, dice));
        }
    }

    fn cycles(&mut self, count: usize, dice: &mut Dice) {
        for _ in 0..count {
            let kind = dice.pick(&[Kind::Cyclist, Kind::Motorcyclist]);
            let (world, camera, walks) = (self.world, self.camera, self.walks);
            self.add(kind, dice, &|dice| {
                if kind == Kind::Cyclist && dice.chance(0.35) {
                    strolling(walks, camera, dice, 3.5)
                } else {
                    beside(world, dice)
                }
            });
        }
    }

    /// Now and then somebody lies on the ground, now and then two people fight.
    fn emergencies(&mut self, dice: &mut Dice) {
        if dice.chance(FALLEN) {
            for _ in 0..1 + dice.below(6) / 3 {
                let lying = dice.pick(&[Lying::Prone, Lying::Supine, Lying::OnSide]);
                self.on_foot(Kind::Pedestrian, 0.0, Act::Down { down: 1.0, lying }, dice);
            }
        }
        if dice.chance(FIGHT) {
            let mut clock = || Act::Fighting {
                clock: dice.range(0.0, 30.0),
            };
            let (ours, theirs) = (clock(), clock());
            if self.on_foot(Kind::Pedestrian, 0.0, ours, dice) {
                self.opponent(theirs, dice);
            }
        }
    }

    /// Puts somebody at the throat of the last one.
    fn opponent(&mut self, act: Act, dice: &mut Dice) {
        let first = self.actors[self.actors.len() - 1].pose;
        let pose = Pose {
            at: first.at + V2::from_angle(first.heading) * dice.range(0.6, 0.85),
            heading: first.heading + std::f32::consts::PI + dice.range(-0.3, 0.3),
            act,
            ..first
        };
        let kind = Kind::Pedestrian;
        let look = free_handed(Look::random(kind, dice), act);
        self.actors.push(Posed { kind, look, pose });
    }

    fn walkers(&mut self, count: usize, dice: &mut Dice) {
        for _ in 0..count {
            let kind = walker(dice);
            let (speed, act) = manner(kind, dice);
            if self.on_foot(kind, speed, act, dice) {
                if dice.chance(0.25) {
                    self.beside_last(Kind::Pedestrian, dice);
                } else if dice.chance(0.1) {
                    self.beside_last(Kind::Dog, dice);
                }
            }
        }
    }

    /// Puts somebody or something where people walk; whether there was a place.
    fn on_foot(&mut self, kind: Kind, speed: f32, act: Act, dice: &mut Dice) -> bool {
        let (camera, walks) = (self.camera, self.walks);
        self.add(kind, dice, &|dice| {
            let pose = strolling(walks, camera, dice, speed)?;
            Some(Pose { act, ..pose })
        })
    }

    /// Tries a few places until the actor stands clear of the others and not on the lens; whether it found one.
    fn add(
        &mut self,
        kind: Kind,
        dice: &mut Dice,
        place: &dyn Fn(&mut Dice) -> Option<Pose>,
    ) -> bool {
        let look = Look::random(kind, dice);
        let anywhere = dice.chance(0.05);
        let eye = self.camera.eye().ground();
        for _ in 0..30 {
            let Some(pose) = place(dice) else { continue };
            let look = free_handed(look, pose.act);
            let actor = Posed { kind, look, pose };
            let far_enough = (pose.at - eye).length() > NEAREST_M + actor.half_extent().x;
            if far_enough
                && (anywhere || shows(&actor, self.camera))
                && self.actors.iter().all(|other| clear(&actor, other))
            {
                self.actors.push(actor);
                return true;
            }
        }
        false
    }

    /// Puts somebody or a dog beside the last one, if that one goes or stands.
    fn beside_last(&mut self, kind: Kind, dice: &mut Dice) {
        let walks = |a: &Posed| a.kind == Kind::Pedestrian && a.pose.act == Act::Going;
        let Some(last) = self.actors.last().copied().filter(walks) else {
            return;
        };
        let side = V2::from_angle(last.pose.heading).left()
            * dice.pick(&[-1.0, 1.0])
            * dice.range(0.65, 0.9);
        let pose = Pose {
            at: last.pose.at + side,
            travelled: dice.range(0.0, 9.0),
            ..last.pose
        };
        let look = Look::random(kind, dice);
        let actor = Posed { kind, look, pose };
        if self.actors.iter().all(|other| clear(&actor, other)) {
            self.actors.push(actor);
        }
    }
}

/// Somebody on a pavement.
fn walker(dice: &mut Dice) -> Kind {
    let mut at = dice.unit();
    for (share, kind) in [
        (CHILDREN, Kind::Child),
        (WHEELCHAIRS, Kind::Wheelchair),
        (STROLLERS, Kind::Stroller),
    ] {
        if at < share {
            return kind;
        }
        at -= share;
    }
    Kind::Pedestrian
}

/// How fast somebody goes, m/s, and what they do.
fn manner(kind: Kind, dice: &mut Dice) -> (f32, Act) {
    let walks = (dice.range(0.7, 2.2), Act::Going);
    if dice.chance(STANDS) {
        let act = if kind.is_on_foot() && dice.chance(WAVES / STANDS) {
            Act::Waving
        } else if kind.is_on_foot() && dice.chance(SITS / STANDS) {
            Act::Sitting { low: 1.0 }
        } else {
            Act::Going
        };
        (0.0, act)
    } else if kind.is_on_foot() && dice.chance(RUNS / (1.0 - STANDS)) {
        (dice.range(2.8, 5.0), Act::Going)
    } else {
        walks
    }
}

/// Who sits or fights holds no bag in the hand.
fn free_handed(mut look: Look, act: Act) -> Look {
    if let (Look::Walker(person), Act::Fighting { .. } | Act::Sitting { .. }) = (&mut look, act)
        && person.carried == Carried::InHand
    {
        person.carried = Carried::Nothing;
    }
    look
}

/// Whether its middle lies in the picture, or barely outside.
fn shows(actor: &Posed, camera: &Camera) -> bool {
    let size = camera.size();
    camera.project(actor.pose.at.up(0.6)).is_some_and(|p| {
        let (x, y) = (p.x / size.width as f32, p.y / size.height as f32);
        (-0.06..1.06).contains(&x) && (-0.03..1.06).contains(&y)
    })
}

/// Whether two actors' ground does not overlap (their circles along the longer one are apart).
fn clear(a: &Posed, b: &Posed) -> bool {
    let reach = |p: &Posed, dir: V2| {
        let front = V2::from_angle(p.pose.heading);
        let half = p.half_extent();
        (front.dot(dir) * half.x).abs() + (front.left().dot(dir) * half.y).abs()
    };
    let gap = b.pose.at - a.pose.at;
    let axes = [a.pose.heading, b.pose.heading].map(V2::from_angle);
    axes.iter()
        .flat_map(|f| [*f, f.left()])
        .any(|axis| gap.dot(axis).abs() > reach(a, axis) + reach(b, axis) + 0.12)
}

fn driving(world: &World, dice: &mut Dice) -> Option<Pose> {
    if world.roads.is_empty() {
        return parked(world, dice);
    }
    let road = dice.pick(&world.roads);
    let (from, to) = dice.pick(&road.lanes());
    let along = to - from;
    let aside = along.unit().left() * dice.range(-0.35, 0.35);
    let turn = if dice.chance(0.06) {
        dice.range(-1.2, 1.2)
    } else {
        dice.range(-0.04, 0.04)
    };
    Some(Pose {
        at: from + along * dice.unit() + aside,
        heading: along.y.atan2(along.x) + turn,
        speed: dice.range(0.0, 14.0),
        travelled: dice.range(0.0, 99.0),
        ..Pose::default()
    })
}

/// In a bay of a car park, or anywhere on a square's floor at a right angle.
fn parked(world: &World, dice: &mut Dice) -> Option<Pose> {
    let bays: Vec<&Vec<V2>> = world
        .surfaces
        .iter()
        .filter(|s| s.material == Material::Paint)
        .map(|s| &s.polygon)
        .collect();
    let heading = std::f32::consts::FRAC_PI_2 * if dice.chance(0.5) { 1.0 } else { -1.0 };
    if bays.is_empty() || dice.chance(0.25) {
        let at = v2(dice.range(-20.0, 20.0), dice.range(8.0, 40.0));
        return Some(Pose {
            at,
            heading: heading + dice.pick(&[0.0, 1.57]) + dice.range(-0.1, 0.1),
            ..Pose::default()
        });
    }
    let bay = bays[dice.below(bays.len())];
    Some(Pose {
        at: bay[0] + v2(1.3, 2.5),
        heading: heading + dice.range(-0.04, 0.04),
        ..Pose::default()
    })
}

/// At the edge of a lane, as two-wheelers ride.
fn beside(world: &World, dice: &mut Dice) -> Option<Pose> {
    let mut pose = driving(world, dice)?;
    let right = V2::from_angle(pose.heading).left() * -1.0;
    pose.at = pose.at + right * dice.range(0.0, 1.2);
    Some(Pose {
        speed: dice.range(2.0, 9.0),
        ..pose
    })
}

/// On a way for walkers, or now and then anywhere on the ground; half the places are drawn in the picture, so that
/// near and far, large and small come equally often.
fn strolling(walks: &[Vec<V2>], camera: &Camera, dice: &mut Dice, speed: f32) -> Option<Pose> {
    let size = camera.size();
    let at = if walks.is_empty() || dice.chance(0.5) {
        let row = dice.range(camera.horizon().max(0.0), size.height as f32 * 1.08);
        let at = camera.ground_at(v2(dice.range(-0.03, 1.03) * size.width as f32, row))?;
        if (at - camera.eye().ground()).length() > 70.0 {
            return None;
        }
        if !dice.chance(0.3) && !walks.iter().any(|w| inside(w, at)) {
            return None;
        }
        at
    } else {
        let walk = &walks[dice.below(walks.len())];
        let (u, v) = (dice.unit(), dice.unit());
        let (low, high) = (
            walk[0] + (walk[1] - walk[0]) * u,
            walk[walk.len() - 1] + (walk[2 % walk.len()] - walk[walk.len() - 1]) * u,
        );
        low + (high - low) * v
    };
    Some(Pose {
        at,
        heading: dice.range(0.0, std::f32::consts::TAU),
        speed,
        travelled: dice.range(0.0, 60.0),
        clock: dice.range(0.0, 20.0),
        ..Pose::default()
    })
}
