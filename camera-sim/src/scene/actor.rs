//! One actor of a scene: its looks, its way, what it does on it, and who holds it if it is a bag.

use super::acting::{self, Doing};
use super::custody::{self, Custody, Whereabouts};
use super::motion::Motion;
use crate::actor::{Kind, Look, Posed};
use crate::draw::vehicle;
use crate::space::V2;

/// One actor with its looks and its way.
#[derive(Clone, Debug)]
pub struct Actor {
    pub name: String,
    pub(crate) kind: Kind,
    pub(super) look: Look,
    pub(super) course: Course,
    /// In order of time, without overlap.
    pub(crate) doings: Vec<Doing>,
}

/// What decides where an actor is.
#[derive(Clone, Debug)]
pub(super) enum Course {
    Way(Motion),
    Bag(Custody),
}

impl Actor {
    /// Who had the bag when, if it is one that can be left and taken.
    pub(crate) fn custody(&self) -> Option<&Custody> {
        match &self.course {
            Course::Bag(custody) => Some(custody),
            Course::Way(_) => None,
        }
    }

    /// Scene time from which and until which it may be there, seconds.
    pub(super) fn span(&self) -> (f32, f32) {
        match &self.course {
            Course::Way(motion) => motion.span(),
            Course::Bag(_) => (0.0, f32::MAX),
        }
    }
}

/// Actor `index` of `cast` at `t` seconds, if it is there then.
pub(crate) fn posed(cast: &[Actor], index: usize, t: f32) -> Option<Posed> {
    let actor = &cast[index];
    let pose = match &actor.course {
        Course::Way(motion) => {
            let mut pose = motion.pose(t)?;
            if let Look::Vehicle(look) = &actor.look
                && look.body == vehicle::Body::Lorry
            {
                let rear = pose.travelled - vehicle::WHEELBASE;
                pose.bend = vehicle::bend(pose.at, pose.heading, motion.place(rear).0);
            }
            acting::apply(pose, &actor.doings, t)
        }
        Course::Bag(custody) => match custody.at(t)? {
            Whereabouts::With(holder) => {
                let Look::Bag(bag) = &actor.look else {
                    return None;
                };
                custody::carried(&posed(cast, holder, t)?, bag)?
            }
            Whereabouts::Lying(pose) => pose,
        },
    };
    Some(Posed {
        kind: actor.kind,
        look: actor.look,
        pose,
    })
}

/// Ground point of actor `index` at `t` seconds, metres, if it is there then.
pub(crate) fn place(cast: &[Actor], index: usize, t: f32) -> Option<V2> {
    posed(cast, index, t).map(|p| p.pose.at)
}
