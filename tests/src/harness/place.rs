//! Where things are: the workspace, its built programs, test material, free ports.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};

/// The workspace's root.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests crate lies below the workspace's root")
}

/// A program of this workspace, built in the same profile as the one that runs.
///
/// # Errors
/// If it has not been built.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("own path")?;
    // target/debug/demo, or target/debug/deps/end_to_end-1234
    let folders = own.ancestors().skip(1).take(2);
    let found = folders
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.with_context(|| format!("{name} is not built; run cargo build --workspace first"))
}

/// A file of the shared test material, which may not be there: SAFECITY_ASSETS, else ../shared/assets.
pub fn asset(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("SAFECITY_ASSETS")
        .map_or_else(|| workspace().join("../shared/assets"), PathBuf::from);
    Some(folder.join(name)).filter(|path| path.exists_or_false())
}

/// The ONNX Runtime library: ORT_DYLIB_PATH, else where the set-up script puts it, else the system's.
pub fn onnx_runtime() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("ORT_DYLIB_PATH") {
        return Some(PathBuf::from(path));
    }
    let path = workspace().join(".cache/onnxruntime/libonnxruntime.so");
    path.exists_or_false().then_some(path)
}

trait ExistsOrFalse {
    fn exists_or_false(&self) -> bool;
}

impl ExistsOrFalse for Path {
    /// What cannot be looked at is not there for a test.
    fn exists_or_false(&self) -> bool {
        self.try_exists().unwrap_or(false)
    }
}

/// A port of the loopback interface that nobody listens on now. Another program may take it before its user does, so
/// whoever listens on it must be ready to try another.
///
/// # Errors
/// If there is none.
pub fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    match listener.local_addr()?.port() {
        0 => bail!("no free port"),
        port => Ok(port),
    }
}
