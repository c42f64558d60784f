//! What moves in a street: kinds, their looks, where they stand, and how they become sprites.

use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::draw::bag::{self, BagLook};
use crate::draw::cycle::{self, CycleLook};
use crate::draw::dog::{self, DogLook};
use crate::draw::person::{self, Carried, Headwear, Lying, PersonLook, Skeleton, Step};
use crate::draw::vehicle::{self, Body, VehicleLook};
use crate::draw::wheels::{self, ChairLook, StrollerLook};
use crate::draw::{Blob, Sketch, Sprite, View};
use crate::space::{V2, V3, v2};

/// What a detector would call an object. The order is the order of ids in a training label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    Person,
    Bicycle,
    Motorcycle,
    Car,
    Bus,
    Truck,
    Bag,
    /// A person who lies on the ground.
    Fallen,
    Fire,
    Smoke,
    Animal,
}

/// What a scene may put on the street. A van counts as class car; a rider is a person on a bicycle or motorcycle; a
/// wheelchair belongs to the box of its user; a stroller is pushed by somebody and is no object of a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Pedestrian,
    Child,
    Wheelchair,
    Stroller,
    Dog,
    Cyclist,
    Motorcyclist,
    Car,
    Van,
    Bus,
    Truck,
    Bag,
}

impl Kind {
    /// Classes of the objects it shows as while nobody lies on the ground, in the order of their track numbers.
    pub fn classes(self) -> &'static [Class] {
        match self {
            Self::Pedestrian | Self::Child | Self::Wheelchair | Self::Stroller => &[Class::Person],
            Self::Dog => &[Class::Animal],
            Self::Cyclist => &[Class::Bicycle, Class::Person],
            Self::Motorcyclist => &[Class::Motorcycle, Class::Person],
            Self::Car | Self::Van => &[Class::Car],
            Self::Bus => &[Class::Bus],
            Self::Truck => &[Class::Truck],
            Self::Bag => &[Class::Bag],
        }
    }

    pub fn is_vehicle(self) -> bool {
        matches!(self, Self::Car | Self::Van | Self::Bus | Self::Truck)
    }

    /// Whether it is a body on its own two feet, free to fall, fight, wave and sit.
    pub fn is_on_foot(self) -> bool {
        matches!(self, Self::Pedestrian | Self::Child)
    }

    /// Whether it can hold a bag.
    pub fn has_hands(self) -> bool {
        self.is_on_foot() || self == Self::Wheelchair
    }

    /// m/s where nothing else is said.
    pub fn usual_speed(self) -> f32 {
        match self {
            Self::Pedestrian | Self::Bag => 1.35,
            Self::Child | Self::Stroller | Self::Wheelchair => 1.15,
            Self::Dog => 1.4,
            Self::Cyclist => 4.2,
            Self::Motorcyclist => 8.0,
            Self::Bus | Self::Truck => 7.0,
            Self::Car | Self::Van => 9.0,
        }
    }
}

/// What one actor looks like, whatever it does.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    Walker(PersonLook),
    Wheelchair(ChairLook, PersonLook),
    Stroller(StrollerLook, PersonLook),
    Dog(DogLook),
    Rider(CycleLook, PersonLook),
    Vehicle(VehicleLook),
    Bag(BagLook),
}

impl Look {
    /// A look for `kind`, drawn from `dice`.
    pub fn random(kind: Kind, dice: &mut Dice) -> Self {
        use Body as B;
        match kind {
            Kind::Pedestrian => Self::Walker(PersonLook::random(dice)),
            Kind::Child => Self::Walker(PersonLook::child(dice)),
            Kind::Wheelchair => Self::Wheelchair(
                ChairLook::random(dice),
                empty_handed(PersonLook::random(dice)),
            ),
            Kind::Stroller => Self::Stroller(
                StrollerLook::random(dice),
                empty_handed(PersonLook::adult(dice)),
            ),
            Kind::Dog => Self::Dog(DogLook::random(dice)),
            Kind::Cyclist | Kind::Motorcyclist => Self::Rider(
                CycleLook::random(dice, kind == Kind::Motorcyclist),
                rider(kind, dice),
            ),
            Kind::Car => Self::Vehicle(VehicleLook::random(
                dice,
                &[B::Hatchback, B::Sedan, B::Sedan, B::Estate, B::Suv],
            )),
            Kind::Van => Self::Vehicle(VehicleLook::random(dice, &[B::Van])),
            Kind::Bus => Self::Vehicle(VehicleLook::random(dice, &[B::Bus])),
            Kind::Truck => Self::Vehicle(VehicleLook::random(
                dice,
                &[B::BoxTruck, B::BoxTruck, B::Tipper, B::Lorry],
            )),
            Kind::Bag => Self::Bag(BagLook::random(dice)),
        }
    }
}

/// Both hands are on a wheel or a bar.
fn empty_handed(look: PersonLook) -> PersonLook {
    PersonLook {
        carried: if look.carried == Carried::Backpack {
            Carried::Backpack
        } else {
            Carried::Nothing
        },
        ..look
    }
}

fn rider(kind: Kind, dice: &mut Dice) -> PersonLook {
    let look = empty_handed(PersonLook::random(dice));
    let helmet = if kind == Kind::Motorcyclist {
        0.85
    } else {
        0.35
    };
    PersonLook {
        height: look.height.max(1.55),
        headwear: if dice.chance(helmet) {
            Headwear::Helmet
        } else {
            look.headwear
        },
        ..look
    }
}

/// What a body does beside going its way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Act {
    #[default]
    Going,
    /// On its way down, on the ground or on its way up: 0 stands, 1 lies.
    Down {
        down: f32,
        lying: Lying,
    },
    /// Seconds of the fight.
    Fighting {
        clock: f32,
    },
    Waving,
    /// 0 stands, 1 sits on the ground.
    Sitting {
        low: f32,
    },
}

/// Share of the way down from which a person is called fallen.
const FALLEN: f32 = 0.75;

/// Where an actor is and how it moves at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pose {
    /// Ground point under its middle, metres.
    pub at: V2,
    /// Radians counter-clockwise from east.
    pub heading: f32,
    /// m/s.
    pub speed: f32,
    /// Metres gone since it appeared: drives legs and wheels.
    pub travelled: f32,
    /// Seconds since it appeared.
    pub clock: f32,
    pub act: Act,
    /// Metres between the ground and its lowest point: a bag in somebody's hand.
    pub lift: f32,
    /// Radians by which a trailer's heading differs from its tractor's.
    pub bend: f32,
}

/// An actor at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Posed {
    pub kind: Kind,
    pub look: Look,
    pub pose: Pose,
}

/// One thing of an actor, drawn.
#[derive(Clone, Debug)]
pub struct Part {
    /// Nothing for what no detector has a name for.
    pub class: Option<Class>,
    pub sprite: Sprite,
}

impl Posed {
    /// A sketch of each of its things, in drawing order.
    pub fn sketches<'v>(&self, view: &'v View) -> Vec<(Option<Class>, Sketch<'v>)> {
        let Pose {
            at,
            heading,
            travelled,
            ..
        } = self.pose;
        let of = |blobs: Vec<Blob>| {
            let mut sketch = Sketch::new(view);
            sketch.blobs(blobs);
            sketch
        };
        let classes = self.kind.classes();
        match &self.look {
            Look::Walker(look) => {
                let fallen = matches!(self.pose.act, Act::Down { down, .. } if down > FALLEN);
                let class = if fallen { Class::Fallen } else { Class::Person };
                vec![(Some(class), of(person::blobs(look, &self.body(look))))]
            }
            Look::Stroller(stroller, look) => {
                let (front, [pushed, pusher]) = (V2::from_angle(heading), self.tandem());
                let mut things = vec![
                    (None, of(wheels::stroller(stroller, pushed, heading))),
                    (
                        Some(Class::Person),
                        of(person::blobs(look, &self.body(look))),
                    ),
                ];
                let eye = view.camera.eye().ground();
                if (eye - pusher).dot(front) > (pushed - pusher).dot(front) * 0.5 {
                    things.reverse();
                }
                things
            }
            Look::Rider(machine, look) => {
                let mut below = Sketch::new(view);
                cycle::sketch(machine, at, heading, travelled, &mut below);
                let rider = cycle::riding(machine, look, at, heading, travelled);
                vec![
                    (Some(classes[0]), below),
                    (Some(classes[1]), of(person::blobs(look, &rider))),
                ]
            }
            Look::Vehicle(look) => {
                let mut sketch = Sketch::new(view);
                let mut units = vehicle::units(look, at, heading, self.pose.bend);
                let depth = |at: V2| view.camera.depth(at.up(1.0));
                units.sort_by(|a, b| depth(b.1).total_cmp(&depth(a.1)));
                for (look, at, heading) in &units {
                    vehicle::sketch(look, *at, *heading, &mut sketch);
                }
                vec![(Some(classes[0]), sketch)]
            }
            Look::Wheelchair(..) | Look::Dog(_) | Look::Bag(_) => {
                vec![(Some(classes[0]), of(self.soft().concat()))]
            }
        }
    }

    /// The things that show in the picture, in drawing order.
    pub fn parts(&self, view: &View) -> Vec<Part> {
        let part = |(class, sketch): (Option<Class>, Sketch<'_>)| {
            sketch.sprite().map(|sprite| Part { class, sprite })
        };
        self.sketches(view).into_iter().filter_map(part).collect()
    }

    /// Where a stroller and its pusher stand.
    fn tandem(&self) -> [V2; 2] {
        let front = V2::from_angle(self.pose.heading);
        [self.pose.at + front * 0.45, self.pose.at - front * 0.5]
    }

    /// Where and how a body takes its steps.
    fn step(&self) -> Step {
        let p = &self.pose;
        Step {
            at: p.at,
            heading: p.heading,
            speed: p.speed,
            walked: p.travelled,
            clock: p.clock,
        }
    }

    fn body(&self, look: &PersonLook) -> Skeleton {
        let step = self.step();
        match (&self.look, self.pose.act) {
            (Look::Stroller(..), _) => {
                let [pushed, pusher] = self.tandem();
                let step = Step { at: pusher, ..step };
                person::pushing(look, &step, wheels::handle(pushed, step.heading))
            }
            (Look::Wheelchair(..), _) => wheels::seated(look, &step),
            (_, Act::Going) => person::going(look, &step),
            (_, Act::Down { down, lying }) => person::falling(look, &step, down, lying),
            (_, Act::Fighting { clock }) => person::fighting(look, &step, clock),
            (_, Act::Waving) => person::waving(look, &step),
            (_, Act::Sitting { low }) => person::sitting(look, &step, low),
        }
    }

    /// Point from which a bag hangs, or nothing for who has no hand free.
    pub fn hand(&self) -> Option<V3> {
        match &self.look {
            Look::Walker(look) | Look::Wheelchair(_, look) => Some(self.body(look).hands[1]),
            _ => None,
        }
    }

    /// Everything about it that is made of blobs: one list a thing.
    fn soft(&self) -> Vec<Vec<Blob>> {
        let Pose {
            at, heading, lift, ..
        } = self.pose;
        match &self.look {
            Look::Walker(look) => vec![person::blobs(look, &self.body(look))],
            Look::Wheelchair(chair, look) => vec![
                wheels::chair(chair, &self.step()),
                person::blobs(look, &self.body(look)),
            ],
            Look::Stroller(stroller, look) => vec![
                wheels::stroller(stroller, self.tandem()[0], heading),
                person::blobs(look, &self.body(look)),
            ],
            Look::Dog(look) => vec![dog::blobs(look, &self.step())],
            Look::Bag(look) => vec![bag::blobs(look, at, heading, lift)],
            Look::Rider(machine, look) => vec![person::blobs(
                look,
                &cycle::riding(machine, look, at, heading, self.pose.travelled),
            )],
            Look::Vehicle(_) => Vec::new(),
        }
    }

    /// Half length and half width of the ground it takes, metres.
    pub fn half_extent(&self) -> V2 {
        match (&self.look, self.pose.act) {
            (Look::Walker(look), Act::Down { down, .. }) => {
                v2(0.25 + down * (0.5 * look.height - 0.25), 0.3)
            }
            (Look::Walker(_), Act::Sitting { low }) => v2(0.25 + 0.15 * low, 0.28),
            (Look::Walker(_), _) => v2(0.25, 0.25),
            (Look::Wheelchair(..), _) => v2(0.55, 0.34),
            (Look::Stroller(..), _) => v2(0.95, 0.3),
            (Look::Dog(look), _) => look.half_extent(),
            (Look::Rider(..), _) => v2(0.9, 0.3),
            (Look::Vehicle(look), _) => look.half_extent(),
            (Look::Bag(look), _) => v2(look.half_length, look.half_width),
        }
    }

    /// Corners of the ground it takes, metres.
    pub fn footprint(&self) -> [V2; 4] {
        let half = self.half_extent();
        let front = V2::from_angle(self.pose.heading);
        let (l, w) = (front * half.x, front.left() * half.y);
        [
            self.pose.at - l - w,
            self.pose.at + l - w,
            self.pose.at + l + w,
            self.pose.at - l + w,
        ]
    }

    /// Hulls of (point, radius) that shape its shadow.
    pub fn hulls(&self) -> Vec<Vec<(V3, f32)>> {
        let Pose {
            at, heading, bend, ..
        } = self.pose;
        if let Look::Vehicle(look) = &self.look {
            let units = vehicle::units(look, at, heading, bend);
            let hulls =
                |(look, at, heading): &(VehicleLook, V2, f32)| vehicle::hulls(look, *at, *heading);
            return units.iter().flat_map(hulls).collect();
        }
        let blobs = self.soft().into_iter().flatten();
        let mut hulls: Vec<_> = blobs.map(|b| b.spheres).collect();
        if matches!(self.look, Look::Rider(..)) {
            let front = V2::from_angle(heading);
            hulls.push(vec![
                ((at - front * 0.8).up(0.3), 0.1),
                ((at + front * 0.8).up(0.3), 0.1),
            ]);
        }
        hulls
    }
}
