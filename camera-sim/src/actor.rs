//! What moves in a street: kinds, their looks, where they stand, and how they become sprites.

use serde::{Deserialize, Serialize};

use crate::dice::Dice;
use crate::draw::bag::{self, BagLook};
use crate::draw::cycle::{self, CycleLook};
use crate::draw::person::{self, Carried, Headwear, PersonLook};
use crate::draw::vehicle::{self, Body, VehicleLook};
use crate::draw::{Sketch, Sprite, View};
use crate::space::{V2, V3, v2};

/// What a detector would call an object.
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
    Fire,
    Smoke,
}

/// What a scene may put on the street. A van counts as class car; a rider is a person on a bicycle or motorcycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Pedestrian,
    Cyclist,
    Motorcyclist,
    Car,
    Van,
    Bus,
    Truck,
    Bag,
}

impl Kind {
    /// Classes of the objects it shows as, in drawing order.
    pub fn classes(self) -> &'static [Class] {
        match self {
            Self::Pedestrian => &[Class::Person],
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
}

/// What one actor looks like, whatever it does.
#[derive(Clone, Copy, Debug)]
pub enum Look {
    Walker(PersonLook),
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
                &[B::BoxTruck, B::BoxTruck, B::Tipper],
            )),
            Kind::Bag => Self::Bag(BagLook::random(dice)),
        }
    }
}

fn rider(kind: Kind, dice: &mut Dice) -> PersonLook {
    let look = PersonLook::random(dice);
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
        carried: if look.carried == Carried::Backpack {
            Carried::Backpack
        } else {
            Carried::Nothing
        },
        ..look
    }
}

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
}

/// An actor at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Posed {
    pub kind: Kind,
    pub look: Look,
    pub pose: Pose,
}

/// One object of an actor, drawn.
#[derive(Clone, Debug)]
pub struct Part {
    pub class: Class,
    pub sprite: Sprite,
}

impl Posed {
    /// A sketch of each of its objects, in drawing order.
    pub fn sketches<'v>(&self, view: &'v View) -> Vec<(Class, Sketch<'v>)> {
        let Pose {
            at,
            heading,
            travelled,
            ..
        } = self.pose;
        let mut sketch = Sketch::new(view);
        let classes = self.kind.classes();
        match &self.look {
            Look::Walker(look) => sketch.blobs(person::blobs(look, &self.body(look))),
            Look::Rider(machine, look) => {
                cycle::sketch(machine, at, heading, travelled, &mut sketch);
                let mut rider = Sketch::new(view);
                rider.blobs(person::blobs(
                    look,
                    &cycle::riding(machine, look, at, heading, travelled),
                ));
                return vec![(classes[0], sketch), (classes[1], rider)];
            }
            Look::Vehicle(look) => vehicle::sketch(look, at, heading, &mut sketch),
            Look::Bag(look) => sketch.blobs(bag::blobs(look, at, heading)),
        }
        vec![(classes[0], sketch)]
    }

    /// The objects that show in the picture, in drawing order.
    pub fn parts(&self, view: &View) -> Vec<Part> {
        let part = |(class, sketch): (Class, Sketch<'_>)| {
            sketch.sprite().map(|sprite| Part { class, sprite })
        };
        self.sketches(view).into_iter().filter_map(part).collect()
    }

    fn body(&self, look: &PersonLook) -> person::Skeleton {
        let p = &self.pose;
        person::walking(look, p.at, p.heading, p.speed, p.travelled, p.clock)
    }

    /// Half length and half width of the ground it takes, metres.
    pub fn half_extent(&self) -> V2 {
        match &self.look {
            Look::Walker(_) => v2(0.25, 0.25),
            Look::Rider(..) => v2(0.9, 0.3),
            Look::Vehicle(look) => look.half_extent(),
            Look::Bag(look) => v2(look.half_length, look.half_width),
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
        let of_blobs = |blobs: Vec<crate::draw::Blob>| {
            blobs.into_iter().map(|b| b.spheres).collect::<Vec<_>>()
        };
        let Pose {
            at,
            heading,
            travelled,
            ..
        } = self.pose;
        match &self.look {
            Look::Walker(look) => of_blobs(person::blobs(look, &self.body(look))),
            Look::Rider(machine, look) => {
                let mut hulls = of_blobs(person::blobs(
                    look,
                    &cycle::riding(machine, look, at, heading, travelled),
                ));
                let front = V2::from_angle(heading);
                hulls.push(vec![
                    ((at - front * 0.8).up(0.3), 0.1),
                    ((at + front * 0.8).up(0.3), 0.1),
                ]);
                hulls
            }
            Look::Vehicle(look) => vehicle::hulls(look, at, heading),
            Look::Bag(look) => of_blobs(bag::blobs(look, at, heading)),
        }
    }
}
