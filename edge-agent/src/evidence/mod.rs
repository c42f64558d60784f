//! What stands as evidence of an incident.

pub mod snapshot;
