//! The ladder: what is left out when the box has too much to do or is too hot, one rung at a time, least important
//! first, and taken back one rung at a time.
//!
//! Pure: it is told what was measured and says where it stands; [`relief`] measures and acts. It never pauses the most
//! important camera. docs/overload.md explains it to operators.

pub mod figures;
pub mod heat;
pub mod relief;

use std::{fmt::Write, time::Duration};

use heat::Heat;

/// This share of the frames to be analysed gave way to later ones: too much to do,
const STRAINED: f32 = 0.10;
/// or frames waited for so much of their period, on average.
const LATE: f32 = 0.75;
/// Strained for so long the ladder goes up a rung.
const UP_AFTER: Duration = Duration::from_secs(5);

/// Below these there is room again,
const RELAXED: f32 = 0.01;
/// frames waiting for no more than so much of their period,
const PROMPT: f32 = 0.5;
/// and the workers, by what the next rung down would add, busy for no more than so much of the time.
const ROOM: f32 = 0.8;
/// Relaxed for so long the ladder goes down a rung,
const DOWN_AFTER: Duration = Duration::from_secs(15);
/// and for twice as long as the last time, up to this, when it had to come back soon.
const DOWN_AT_MOST: Duration = Duration::from_secs(600);
/// That soon.
const SOON: Duration = Duration::from_secs(60);

/// A camera, as the ladder weighs it.
#[derive(Clone, Debug)]
pub struct Weighed {
    /// Its name.
    pub id: String,
    /// 1 to 10.
    pub priority: u8,
    /// Analysed frames a second that are asked for.
    pub asked: f32,
    /// Analysed frames a second that are left when it is lowered; at most `asked`.
    pub floor: f32,
    /// It has second models.
    pub seconds: bool,
}

/// What was measured over the time since the last look.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// Share of the frames to be analysed that gave way, 0 to 1.
    pub gave_way: f32,
    /// How long frames waited for their turn, as a share of their period.
    pub waited: f32,
    /// Share of the workers' time that was inference.
    pub busy: f32,
    /// How hot the box is.
    pub heat: Heat,
}

/// One rung.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rung {
    /// Second models rest.
    Rest,
    /// Cameras of a priority go down to their floor.
    Lower(u8),
    /// Gates let less through.
    Strict,
    /// One camera is paused.
    Pause(usize),
}

/// The ladder of one box.
#[derive(Debug)]
pub struct Ladder {
    cameras: Vec<Weighed>,
    rungs: Vec<Rung>,
    /// Rungs that are taken.
    taken: usize,
    cause: String,
    strained_for: Duration,
    relaxed_for: Duration,
    patience: Duration,
    /// How long ago it last went down, and up.
    down_ago: Option<Duration>,
    up_ago: Duration,
}

impl Ladder {
    /// At the foot: everything is done that is asked for.
    pub fn new(cameras: Vec<Weighed>) -> Ladder {
        Ladder {
            rungs: rungs(&cameras),
            cameras,
            taken: 0,
            cause: String::new(),
            strained_for: Duration::ZERO,
            relaxed_for: Duration::ZERO,
            patience: DOWN_AFTER,
            down_ago: None,
            up_ago: Duration::ZERO,
        }
    }

    /// Takes what was measured over `passed`; gives whether it moved, and then up or down.
    pub fn look(&mut self, passed: Duration, load: &Load) -> Option<Moved> {
        self.up_ago += passed;
        self.down_ago = self.down_ago.map(|ago| ago + passed);
        let cause = strain(load);
        let held = |so_far: Duration, holds: bool| {
            if holds {
                so_far + passed
            } else {
                Duration::ZERO
            }
        };
        self.strained_for = held(self.strained_for, cause.is_some());
        self.relaxed_for = held(self.relaxed_for, self.has_room(load));
        if let Some(cause) = cause
            && self.strained_for >= UP_AFTER
            && self.taken < self.rungs.len()
        {
            self.up(cause);
            return Some(Moved::Up);
        }
        if self.relaxed_for >= self.patience && self.taken > 0 {
            self.down();
            return Some(Moved::Down);
        }
        None
    }

    fn up(&mut self, cause: String) {
        if self.down_ago.is_some_and(|ago| ago < SOON) {
            self.patience = (self.patience * 2).min(DOWN_AT_MOST);
        }
        self.cause = cause;
        self.taken += 1;
        self.up_ago = Duration::ZERO;
        self.start_anew();
    }

    fn down(&mut self) {
        if self.up_ago > DOWN_AT_MOST {
            self.patience = DOWN_AFTER;
        }
        self.taken -= 1;
        self.down_ago = Some(Duration::ZERO);
        self.start_anew();
    }

    fn start_anew(&mut self) {
        (self.strained_for, self.relaxed_for) = (Duration::ZERO, Duration::ZERO);
    }

    /// Whether the rung below would be borne.
    fn has_room(&self, load: &Load) -> bool {
        let Some(below) = self.taken.checked_sub(1) else {
            return false;
        };
        let growth = self.rate_at(below) / self.rate_at(self.taken);
        load.heat == Heat::Cool
            && load.gave_way <= RELAXED
            && load.waited <= PROMPT
            && load.busy * growth <= ROOM
    }

    /// Analysed frames a second of all cameras together.
    fn rate_at(&self, taken: usize) -> f32 {
        (0..self.cameras.len())
            .map(|i| self.fps_at(i, taken))
            .sum::<f32>()
            .max(f32::MIN_POSITIVE)
    }

    fn fps_at(&self, camera: usize, taken: usize) -> f32 {
        let Some(weighed) = self.cameras.get(camera) else {
            return 0.0;
        };
        let mut fps = weighed.asked;
        for rung in &self.rungs[..taken] {
            match rung {
                Rung::Lower(priority) if *priority == weighed.priority => fps = weighed.floor,
                Rung::Pause(paused) if *paused == camera => fps = 0.0,
                _ => {}
            }
        }
        fps
    }

    /// Analysed frames a second of a camera, by its place in the list that the ladder was made of; 0: it is paused.
    pub fn fps(&self, camera: usize) -> f32 {
        self.fps_at(camera, self.taken)
    }

    /// Whether second models are to rest.
    pub fn rests(&self) -> bool {
        self.rungs[..self.taken].contains(&Rung::Rest)
    }

    /// How strict the gates are to be, as [`crate::camera::pace::Pace::strictness`].
    pub fn strictness(&self) -> u8 {
        u8::from(self.rungs[..self.taken].contains(&Rung::Strict))
    }

    /// 0: everything is done that is asked for. 1: second models rest, and less important cameras are at their floor. 2: all are. 3: gates are
    /// strict. 4: cameras are paused.
    pub fn step(&self) -> u8 {
        let highest = self.cameras.iter().map(|camera| camera.priority).max();
        match self.rungs[..self.taken].last() {
            None => 0,
            Some(Rung::Rest) => 1,
            Some(Rung::Lower(priority)) if Some(*priority) < highest => 1,
            Some(Rung::Lower(_)) => 2,
            Some(Rung::Strict) => 3,
            Some(Rung::Pause(_)) => 4,
        }
    }

    /// Why, and what is left out, in words for people.
    pub fn reason(&self) -> String {
        let state = |i: usize, weighed: &Weighed| (self.fps(i) <= 0.0, self.fps(i) < weighed.asked);
        let cameras = self.cameras.iter().enumerate();
        let (mut paused, mut lowered) = (Vec::new(), Vec::new());
        for (i, weighed) in cameras {
            match state(i, weighed) {
                (true, _) => paused.push(weighed.id.as_str()),
                (false, true) => lowered.push(weighed.id.as_str()),
                (false, false) => {}
            }
        }
        let all = self.cameras.len();
        let mut text = format!("{}: ", self.cause);
        let mut comma = "";
        if self.rests() {
            text += "second models rest";
            comma = ", ";
        }
        if !lowered.is_empty() {
            let listed = named(&lowered);
            let count = lowered.len();
            write!(
                text,
                "{comma}{count} of {all} cameras at their lowest rate{listed}"
            )
            .expect("writing to a String cannot fail");
            comma = ", ";
        }
        if self.strictness() > 0 {
            text += comma;
            text += "gates stricter";
            comma = ", ";
        }
        if !paused.is_empty() {
            write!(text, "{comma}{} paused{}", paused.len(), named(&paused))
                .expect("writing to a String cannot fail");
        }
        text
    }
}

/// Which way the ladder went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Less is done.
    Up,
    /// More is done again.
    Down,
}

/// Names in brackets, if they are few enough to be read.
fn named(ids: &[&str]) -> String {
    match ids.len() {
        0..=6 => format!(" ({})", ids.join(", ")),
        _ => String::new(),
    }
}

/// What strains the box, in words for people.
fn strain(load: &Load) -> Option<String> {
    let percent = |share: f32| (share * 100.0).round();
    match &load.heat {
        Heat::Hot(what) => Some(format!("heat ({what})")),
        _ if load.gave_way >= STRAINED => Some(format!(
            "overload ({} % of the pictures to be analysed gave way to later ones)",
            percent(load.gave_way)
        )),
        _ if load.waited >= LATE => Some(format!(
            "overload (pictures waited for {} % of the time to the next one)",
            percent(load.waited)
        )),
        _ => None,
    }
}

/// Second models; rates by priority, the lowest first; gates; pauses, the least important first, of equals the last in the
/// configuration, never the most important.
fn rungs(cameras: &[Weighed]) -> Vec<Rung> {
    let lowers = cameras.iter().filter(|camera| camera.floor < camera.asked);
    let mut priorities: Vec<u8> = lowers.map(|camera| camera.priority).collect();
    priorities.sort_unstable();
    priorities.dedup();
    let mut order: Vec<usize> = (0..cameras.len()).collect();
    order.sort_by_key(|i| (cameras[*i].priority, std::cmp::Reverse(*i)));
    order.pop();
    let lower = priorities.into_iter().map(Rung::Lower);
    let pause = order.into_iter().map(Rung::Pause);
    let rest = cameras.iter().any(|camera| camera.seconds);
    let rest = rest.then_some(Rung::Rest).into_iter();
    rest.chain(lower)
        .chain([Rung::Strict])
        .chain(pause)
        .collect()
}

#[cfg(test)]
#[path = "ladder_tests.rs"]
mod tests;
