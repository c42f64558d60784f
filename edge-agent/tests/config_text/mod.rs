//! Configurations as texts, for tests.

#![allow(dead_code, reason = "each test uses a part")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use edge_agent::config::{self, ConfigErrors, Settings};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/config")
        .join(name)
}

pub(crate) fn try_text(text: &str) -> Result<Settings, ConfigErrors> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("edge-agent.toml");
    fs::write(&path, text).unwrap();
    config::load_with(&path, &|_| None)
}

pub(crate) fn load_text(text: &str) -> Settings {
    try_text(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

pub(crate) fn presets() -> Vec<(String, String)> {
    let files = fs::read_dir(root().join("config/presets")).unwrap();
    let mut presets: Vec<(String, String)> = files
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    presets.sort();
    presets
}
