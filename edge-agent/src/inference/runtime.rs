//! The ONNX Runtime library: found, loaded once a process, never unloaded.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use ort::{environment::Environment, logging::LogLevel};

use super::provider::{Provider, ProviderError};

/// The environment variable that names the library, before anything else.
pub const VARIABLE: &str = "ORT_DYLIB_PATH";

/// Where a system or this project's set-up puts the library. Names without a folder are left to the dynamic linker.
const PLACES: [&str; 4] = [
    "libonnxruntime.so.1",
    "libonnxruntime.so",
    "/usr/local/lib/libonnxruntime.so",
    ".cache/onnxruntime/libonnxruntime.so",
];

/// One environment a process is all that the library allows.
static LOADED: Mutex<Option<Environment>> = Mutex::new(None);

/// The loaded library, and what it computes on.
#[derive(Clone)]
pub struct Runtime {
    pub(super) environment: Environment,
    pub(super) provider: Provider,
}

/// No library that suits.
#[derive(Debug, thiserror::Error)]
#[error(
    "no ONNX Runtime library that suits: {}; run deploy/setup.sh, or name one by {VARIABLE} or inference.runtime",
    tried.join("; ")
)]
pub struct RuntimeError {
    /// What was tried, and why it was not taken.
    pub tried: Vec<String>,
}

impl Runtime {
    /// Loads the library: the one that `ORT_DYLIB_PATH` names, else `configured`, else the first of the usual places that
    /// suits. A name that somebody gave on purpose must suit. Later calls give the library that is loaded already.
    ///
    /// # Errors
    /// Lists what was tried, and why it does not suit.
    pub fn load(configured: Option<&Path>) -> Result<Runtime, RuntimeError> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(environment) = &*loaded {
            return Ok(Runtime::on_processor(environment.clone()));
        }
        let mut tried = Vec::new();
        for path in candidates(configured) {
            match open(&path) {
                Ok(environment) => {
                    *loaded = Some(environment.clone());
                    return Ok(Runtime::on_processor(environment));
                }
                Err(why) => tried.push(why),
            }
        }
        Err(RuntimeError { tried })
    }

    fn on_processor(environment: Environment) -> Runtime {
        Runtime {
            environment,
            provider: Provider::Cpu,
        }
    }

    /// The same library, computing on `provider`.
    ///
    /// # Errors
    /// Where the library was built without it, or it does not work on this machine.
    pub fn on(self, provider: Provider) -> Result<Runtime, ProviderError> {
        provider.check(&self.environment)?;
        Ok(Runtime { provider, ..self })
    }
}

fn candidates(configured: Option<&Path>) -> Vec<PathBuf> {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    if let Some(path) = named.or_else(|| configured.map(Path::to_owned)) {
        return vec![path];
    }
    // A build lies below its checkout. The program's own place counts, not the folder that it happens to run in: a
    // library must not come from wherever somebody stands.
    let here = std::env::current_exe().unwrap_or_default();
    PLACES
        .iter()
        .flat_map(|place| match place.strip_prefix('.') {
            Some(_) => here.ancestors().map(|folder| folder.join(place)).collect(),
            None => vec![PathBuf::from(place)],
        })
        .filter(|path| path.is_file() || path.parent() == Some(Path::new("")))
        .collect()
}

fn open(path: &Path) -> Result<Environment, String> {
    let builder = ort::init_from(path).map_err(|e| e.to_string())?;
    let environment = builder
        .with_name("edge-agent")
        .with_telemetry(false)
        .build()
        .map_err(|e| format!("{}: {e}", path.display()))?;
    environment.set_log_level(LogLevel::Warning);
    Ok(environment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_that_the_library_lacks_is_refused_with_what_it_has() {
        let Ok(runtime) = Runtime::load(None) else {
            // As other tests: without the library there is nothing to ask.
            return;
        };
        for asked in [Provider::Cuda, Provider::TensorRt, Provider::OpenVino] {
            let Err(error) = runtime.clone().on(asked) else {
                continue; // This machine's library has it, and it works.
            };
            let text = error.to_string();
            assert!(
                text.starts_with("inference.provider: ") && text.contains(asked.name()),
                "{text}"
            );
            if let ProviderError::NotOffered { offered, .. } = error {
                assert!(offered.contains(&Provider::Cpu) && !offered.contains(&asked));
                assert!(text.contains("offers cpu"), "{text}");
            }
        }
        assert!(runtime.on(Provider::Cpu).is_ok());
    }
}
