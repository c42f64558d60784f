//! Whatever stands in a configuration, the loader answers with settings or with problems that have a place.

#![no_main]

use std::path::Path;

use edge_agent::config::{ConfigErrors, load_text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match load_text(Path::new("edge-agent.toml"), text.to_owned(), &|_| None) {
        Ok(settings) => assert!(!settings.cameras.is_empty()),
        Err(ConfigErrors::Wrong(problems)) => assert!(!problems.is_empty()),
        Err(ConfigErrors::Unreadable { .. }) => {}
    }
});
