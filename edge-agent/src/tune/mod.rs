//! `edge-agent tune`: finds the values of a rule that do best on cases, and says whether they hold on cases that they were not
//! found on.
//!
//! What the model sees in a case does not depend on the rule: each case is looked at once ([`trial`]), and every set of values
//! ([`knob`]) is then asked of what was seen. [`search`] walks over them, [`validate`] keeps cases aside, [`write`] sets what
//! was found in the camera's own file, [`page`] shows it.

mod args;
mod knob;
mod page;
mod search;
mod trial;
mod validate;
mod write;

pub use args::{TuneArgs, main};
