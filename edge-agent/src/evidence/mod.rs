//! What stands as evidence of an incident.

pub mod part;
pub mod snapshot;
