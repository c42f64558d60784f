//! What a rule is told to look for, as it is configured. What makes a rule of it is [`crate::scene::Scene::new`].

use std::time::Duration;

use crate::{picture::Tampering, rule::LifeSettings};

/// A rule as its place in [`crate::scene::SceneSettings::rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleIndex(pub usize);

/// What a rule looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleKind {
    /// An object's foot point crosses a line, where its path meets the segment; once a track and direction until the track
    /// has clearly left the line.
    LineCrossing,
    /// An object's foot point is inside a zone for a while; one incident an object and visit.
    Intrusion,
    /// The same object's foot point stays inside a zone for long; one incident an object and visit.
    Loitering,
    /// Many objects stand inside a zone for a while; one incident an episode.
    Crowd,
    /// Many vehicles are inside a zone for a while, and slow; one incident an episode.
    Congestion,
    /// An object goes through a zone against its direction; one incident an object and visit.
    WrongWay,
    /// A vehicle that moved stands still inside a zone; one incident a stop.
    StoppedVehicle,
    /// A vehicle is faster than allowed; one incident a bout. Needs calibrated ground.
    Speeding,
    /// A person runs; one incident a bout.
    Running,
    /// A person who stood lies; one incident a fall.
    Fall,
    /// Fewer objects are inside a zone than there must be, or more than there may be; one incident an episode.
    Occupancy,
    /// People come near to each other inside a zone, and stay; one incident an episode.
    Gathering,
    /// People who were many inside a zone are few within seconds; one incident an episode.
    Dispersal,
    /// Objects that cross a line are counted; no incidents, see [`crate::scene::Scene::totals`].
    Counting,
    /// Something that was not there lies inside a zone, and who left it is gone; one incident a thing.
    AbandonedObject,
    /// Something that belonged to a zone is gone; one incident a thing.
    RemovedObject,
    /// A model sees fire or smoke for a while; one incident an episode.
    FireSmoke,
    /// A second model says, most of the time, that people fight; one incident an episode.
    Fight,
    /// A second model says, most of the time, that something looks so; one incident an episode of the picture, or one an
    /// object and time where it looks at objects.
    Look,
    /// The camera is kept from seeing; one incident for as long as it is.
    Tamper,
    /// What an expression of the operator's own says; one incident an object and bout, or an episode.
    Custom,
    /// What one rule tells after another has told something, within a while; one incident for each of the second.
    Sequence,
}

impl RuleKind {
    /// All kinds.
    pub const ALL: [RuleKind; 22] = [
        RuleKind::LineCrossing,
        RuleKind::Intrusion,
        RuleKind::Loitering,
        RuleKind::Crowd,
        RuleKind::Congestion,
        RuleKind::WrongWay,
        RuleKind::StoppedVehicle,
        RuleKind::Speeding,
        RuleKind::Running,
        RuleKind::Fall,
        RuleKind::Occupancy,
        RuleKind::Gathering,
        RuleKind::Dispersal,
        RuleKind::Counting,
        RuleKind::AbandonedObject,
        RuleKind::RemovedObject,
        RuleKind::FireSmoke,
        RuleKind::Fight,
        RuleKind::Look,
        RuleKind::Tamper,
        RuleKind::Custom,
        RuleKind::Sequence,
    ];

    /// Its name in configurations and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            RuleKind::LineCrossing => "line_crossing",
            RuleKind::Intrusion => "intrusion",
            RuleKind::Loitering => "loitering",
            RuleKind::Crowd => "crowd",
            RuleKind::Congestion => "congestion",
            RuleKind::WrongWay => "wrong_way",
            RuleKind::StoppedVehicle => "stopped_vehicle",
            RuleKind::Speeding => "speeding",
            RuleKind::Running => "running",
            RuleKind::Fall => "fall",
            RuleKind::Occupancy => "occupancy",
            RuleKind::Gathering => "gathering",
            RuleKind::Dispersal => "dispersal",
            RuleKind::Counting => "counting",
            RuleKind::AbandonedObject => "abandoned_object",
            RuleKind::RemovedObject => "removed_object",
            RuleKind::FireSmoke => "fire_smoke",
            RuleKind::Fight => "fight",
            RuleKind::Look => "look",
            RuleKind::Tamper => "tamper",
            RuleKind::Custom => "custom",
            RuleKind::Sequence => "sequence",
        }
    }
}

/// A rule as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSettings {
    /// Its name, unique in a scene.
    pub id: String,
    /// Labels of the classes it looks at, as the model names them; none means all.
    pub classes: Vec<String>,
    /// What it looks for.
    pub rule: RuleSpec,
    /// Which of its incidents are told.
    pub life: LifeSettings,
}

/// What a rule looks for, and where.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleSpec {
    /// See [`RuleKind::LineCrossing`].
    LineCrossing {
        /// Name of the line.
        line: String,
        /// Which way counts.
        direction: Direction,
        /// How far from the line a foot point is clearly beside it, as a share of the box's extent across the line; see
        /// [`DEFAULT_HYSTERESIS`].
        hysteresis: f32,
    },
    /// See [`RuleKind::Intrusion`].
    Intrusion {
        /// Name of the zone.
        zone: String,
        /// How long the object must be inside; see [`DEFAULT_INTRUSION`].
        min_duration: Duration,
    },
    /// See [`RuleKind::Loitering`].
    Loitering {
        /// Name of the zone.
        zone: String,
        /// How long the object must stay.
        min_duration: Duration,
    },
    /// See [`RuleKind::Crowd`].
    Crowd {
        /// Name of the zone.
        zone: String,
        /// How many objects must be inside at least.
        min_count: u32,
        /// For how long.
        min_duration: Duration,
    },
    /// See [`RuleKind::Congestion`].
    Congestion {
        /// Name of the zone.
        zone: String,
        /// How many vehicles must be inside at least.
        min_count: u32,
        /// Their mean speed must be below this, in widths of the picture a second.
        max_speed: f32,
        /// For how long.
        min_duration: Duration,
    },
    /// See [`RuleKind::WrongWay`].
    WrongWay {
        /// Name of the zone.
        zone: String,
        /// Where it goes in the zone: 0 is to the right, 90 down.
        direction_degrees: f32,
        /// Ways that differ by more are wrong.
        tolerance_degrees: f32,
        /// How far an object must go to be judged, as a share of the picture.
        min_distance: f32,
    },
    /// See [`RuleKind::StoppedVehicle`].
    StoppedVehicle {
        /// Name of the zone.
        zone: String,
        /// How long it must stand.
        min_duration: Duration,
    },
    /// See [`RuleKind::Speeding`].
    Speeding {
        /// Name of the zone; nothing: the whole picture.
        zone: Option<String>,
        /// Kilometres an hour that are allowed.
        limit_kmh: f32,
    },
    /// See [`RuleKind::Running`].
    Running {
        /// Name of the zone; nothing: the whole picture.
        zone: Option<String>,
        /// From so many metres a second on a person runs.
        min_speed: f32,
        /// For how long.
        min_duration: Duration,
    },
    /// See [`RuleKind::Fall`].
    Fall {
        /// Name of the zone; nothing: the whole picture.
        zone: Option<String>,
        /// How long the person must lie.
        min_duration: Duration,
    },
    /// See [`RuleKind::Occupancy`].
    Occupancy {
        /// Name of the zone.
        zone: String,
        /// How many must be inside at least.
        min_count: u32,
        /// How many may be inside at most.
        max_count: u32,
        /// For how long it must be otherwise.
        min_duration: Duration,
    },
    /// See [`RuleKind::Gathering`].
    Gathering {
        /// Name of the zone.
        zone: String,
        /// How many must stand together at least.
        min_count: u32,
        /// For how long.
        min_duration: Duration,
    },
    /// See [`RuleKind::Dispersal`].
    Dispersal {
        /// Name of the zone.
        zone: String,
        /// How many must have been inside at least.
        min_count: u32,
        /// Time within which at most half of them remain.
        within: Duration,
    },
    /// See [`RuleKind::Counting`].
    Counting {
        /// Name of the line.
        line: String,
    },
    /// See [`RuleKind::AbandonedObject`].
    AbandonedObject {
        /// Name of the zone.
        zone: String,
        /// How long it must lie alone.
        min_duration: Duration,
    },
    /// See [`RuleKind::RemovedObject`].
    RemovedObject {
        /// Name of the zone.
        zone: String,
        /// How long it must be gone.
        min_duration: Duration,
    },
    /// See [`RuleKind::FireSmoke`].
    FireSmoke {
        /// Name of the zone; nothing: the whole picture.
        zone: Option<String>,
        /// For how long.
        min_duration: Duration,
    },
    /// See [`LookSpec`].
    Look(LookSpec),
    /// See [`RuleKind::Tamper`].
    Tamper {
        /// What to watch for.
        detect: Vec<Tampering>,
    },
    /// See [`RuleKind::Custom`].
    Custom {
        /// When it is so, in CEL; see docs/custom-rules.md for what it may speak of.
        when: String,
        /// For how long.
        min_duration: Duration,
    },
    /// See [`RuleKind::Sequence`].
    Sequence {
        /// Id of a rule that stands before this one.
        first: String,
        /// Id of another such, or of the same.
        then: String,
        /// The time within which the second must tell something after the first.
        within: Duration,
        /// Both must be of one object.
        same_object: bool,
    },
}

impl RuleSpec {
    /// The rule's kind.
    pub fn kind(&self) -> RuleKind {
        match self {
            RuleSpec::LineCrossing { .. } => RuleKind::LineCrossing,
            RuleSpec::Intrusion { .. } => RuleKind::Intrusion,
            RuleSpec::Loitering { .. } => RuleKind::Loitering,
            RuleSpec::Crowd { .. } => RuleKind::Crowd,
            RuleSpec::Congestion { .. } => RuleKind::Congestion,
            RuleSpec::WrongWay { .. } => RuleKind::WrongWay,
            RuleSpec::StoppedVehicle { .. } => RuleKind::StoppedVehicle,
            RuleSpec::Speeding { .. } => RuleKind::Speeding,
            RuleSpec::Running { .. } => RuleKind::Running,
            RuleSpec::Fall { .. } => RuleKind::Fall,
            RuleSpec::Occupancy { .. } => RuleKind::Occupancy,
            RuleSpec::Gathering { .. } => RuleKind::Gathering,
            RuleSpec::Dispersal { .. } => RuleKind::Dispersal,
            RuleSpec::Counting { .. } => RuleKind::Counting,
            RuleSpec::AbandonedObject { .. } => RuleKind::AbandonedObject,
            RuleSpec::RemovedObject { .. } => RuleKind::RemovedObject,
            RuleSpec::FireSmoke { .. } => RuleKind::FireSmoke,
            RuleSpec::Look(spec) => spec.kind,
            RuleSpec::Tamper { .. } => RuleKind::Tamper,
            RuleSpec::Custom { .. } => RuleKind::Custom,
            RuleSpec::Sequence { .. } => RuleKind::Sequence,
        }
    }
}

/// What a second model is to see; see [`RuleKind::Look`].
#[derive(Clone, Debug, PartialEq)]
pub struct LookSpec {
    /// `Look` or `Fight`; `FireSmoke` where a second model tells of it, not the camera's own.
    pub kind: RuleKind,
    /// The model, by the name that the camera gives it; none: the first that knows one of the labels.
    pub look: Option<String>,
    /// Labels of that model, any of which means an incident; none: those usual for the kind.
    pub labels: Vec<String>,
    /// Name of the zone, where objects are looked at; nothing: the whole picture.
    pub zone: Option<String>,
    /// Looks within this time vote.
    pub within: Duration,
    /// From this score on a look says yes, 0 to 1.
    pub min_score: f32,
    /// An incident opens from this share of the looks on,
    pub min_share: f32,
    /// and closes below this one, which is lower.
    pub end_share: f32,
}

/// Usual hysteresis of a line crossing, as a share of the box's extent across the line.
pub const DEFAULT_HYSTERESIS: f32 = 0.15;

/// Usual time after which an object inside a zone is an intrusion.
pub const DEFAULT_INTRUSION: Duration = Duration::from_millis(500);

/// Which crossings of a line count. `Forward` is from the left hand to the right hand of someone who walks along the line
/// from its first point to its second, as seen on the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From left to right of the line.
    Forward,
    /// From right to left of the line.
    Backward,
    /// Both.
    Any,
}
