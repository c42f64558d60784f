//! Who has a bag when: carried by its owner, lying where it was left, carried off or handed over.

use crate::actor::{Look, Pose, Posed};
use crate::draw::bag::BagLook;
use crate::space::V2;

/// Seconds in which a bag is set down.
const SET_DOWN_S: f32 = 0.5;

/// A bag's story; times are scene times in seconds, people indices into `Scene::actors`.
#[derive(Clone, Debug)]
pub(crate) struct Custody {
    /// Who brings it.
    pub(crate) owner: Option<usize>,
    /// From when it lies, and how it was held at that moment (its own pose where nobody brought it).
    pub(crate) left: Option<(f32, Pose)>,
    /// When and by whom it is taken up.
    pub(crate) taken: Option<(f32, usize)>,
}

/// Where a bag is at one moment.
pub(crate) enum Whereabouts {
    With(usize),
    Lying(Pose),
}

impl Custody {
    pub(crate) fn at(&self, t: f32) -> Option<Whereabouts> {
        if let Some((_, by)) = self.taken.filter(|(from, _)| t >= *from) {
            return Some(Whereabouts::With(by));
        }
        if let Some((from, pose)) = self.left.filter(|(from, _)| t >= *from) {
            let lift = pose.lift * (1.0 - (t - from) / SET_DOWN_S).max(0.0);
            return Some(Whereabouts::Lying(Pose {
                lift,
                speed: 0.0,
                clock: t - from,
                ..pose
            }));
        }
        self.owner.map(Whereabouts::With)
    }

    /// From when until when it lies, seconds; no end where nobody takes it.
    pub(crate) fn lies(&self) -> Option<(f32, Option<f32>)> {
        self.left
            .map(|(from, _)| (from, self.taken.map(|(until, _)| until)))
    }
}

/// The pose of a bag that `holder` has with them: rolled behind, hanging from the hand, or on a wheelchair user's lap.
pub(crate) fn carried(holder: &Posed, bag: &BagLook) -> Option<Pose> {
    let (hand, pose) = (holder.hand()?, holder.pose);
    let front = V2::from_angle(pose.heading);
    let (at, lift) = match holder.look {
        Look::Wheelchair(..) => (pose.at + front * 0.14, 0.62),
        _ if bag.handle => (pose.at - front * 0.5 - front.left() * 0.28, 0.0),
        _ => (hand.ground(), (hand.z - bag.height - 0.06).max(0.02)),
    };
    Some(Pose {
        at,
        lift,
        heading: pose.heading,
        speed: pose.speed,
        travelled: pose.travelled,
        clock: pose.clock,
        ..Pose::default()
    })
}
