//! What an operator says of an incident, and the areas that are ignored for it from then on.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Utc, id::Name};

/// Whether an incident was one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was what its rule says.
    True,
    /// It was a false alarm.
    False,
}

impl Verdict {
    /// As it stands in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::True => "true",
            Verdict::False => "false",
        }
    }
}

/// An area that is to be ignored, for the rule of the incident that is judged and on its camera alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IgnoreArea {
    /// Corners in order around it, each x and y, normalised to 0..1, origin at the top left. Without them it is around the
    /// boxes of the incident's objects, a little larger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polygon: Option<Vec<[f32; 2]>>,
    /// Until when; without it until it is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Utc>,
}

/// An area that is ignored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IgnoredArea {
    /// Its identity: the request that asked for it.
    pub area: Uuid,
    /// The camera.
    pub camera: Name,
    /// The rule whose incidents are held back there.
    pub rule: Name,
    /// The incident that was judged.
    pub incident: Uuid,
    /// Corners in order around it, each x and y, normalised to 0..1, origin at the top left.
    pub polygon: Vec<[f32; 2]>,
    /// When it was asked for.
    pub since: Utc,
    /// Until when, where it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Utc>,
}
