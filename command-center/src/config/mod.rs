//! The configuration file: `load` checks it whole, `settings` is what the rest of the centre sees.

pub mod load;
pub mod settings;
mod table;

pub use load::{LoadError, load, parse};
pub use settings::Settings;
pub use table::Problem;
