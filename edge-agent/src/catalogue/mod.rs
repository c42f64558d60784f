//! `edge-agent models`: which models there are, getting them from their publishers, and whether those here are whole.
//!
//! A model is known by the hash of its weights: nothing is put in place before its size and hash are those of the
//! catalogue, wherever the bytes came from. The agent at work never comes here: it fetches nothing.

mod address;
mod args;
mod calibration;
mod client;
mod download;
mod entry;
mod fetch;
mod import;
mod install;
mod licence;
mod list;
mod part;
mod progress;
mod quantise;
mod sheet;
mod verify;
mod worth;

pub use address::Bases;
pub use args::{ModelsCommand, main};
pub use client::{Client, Patience};
pub use entry::{Catalogue, CatalogueError, Entry};
pub use fetch::{Consent, FetchError, Fetched, fetch};
pub use import::{ImportError, ImportOrder, import};
pub use install::InstallError;
pub use licence::{Binding, binds};
pub use progress::Progress;
pub use quantise::QuantiseOrder;
