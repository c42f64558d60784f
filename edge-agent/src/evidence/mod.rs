//! What stands as evidence of an incident, and what of a picture nobody may see.

pub mod best;
pub mod bystanders;
pub mod part;
pub mod privacy;
mod raster;
pub mod snapshot;
pub mod veil;
