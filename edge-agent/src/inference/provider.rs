//! What does the arithmetic of a model: the processor, or an accelerator by a provider of the ONNX Runtime library.
//!
//! A provider that was asked for is used or refused, never quietly replaced by the processor: a box that was sized for an
//! accelerator would drown without one.

use std::fmt;

use ort::{
    environment::Environment,
    ep::{self, ExecutionProvider as _, ExecutionProviderDispatch},
    session::{Session, builder::SessionBuilder},
};

/// An execution provider, as `inference.provider` names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Provider {
    /// The processor; every library offers it.
    #[default]
    Cpu,
    /// Intel's OpenVINO.
    OpenVino,
    /// NVIDIA's CUDA.
    Cuda,
    /// NVIDIA's TensorRT.
    TensorRt,
}

/// A provider that cannot be used; the text begins with the key of the configuration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The library was built without it.
    #[error(
        "inference.provider: {asked} was asked for, but the ONNX Runtime library offers {}; take one of these, or name \
         a library that was built with {asked} by inference.runtime or ORT_DYLIB_PATH",
        names(offered)
    )]
    NotOffered {
        /// What was asked for.
        asked: Provider,
        /// What the library offers of what the agent knows.
        offered: Vec<Provider>,
    },
    /// The library has it, but it does not work here.
    #[error(
        "inference.provider: the ONNX Runtime library has {asked}, but it cannot be used here: {message}; its driver and \
         libraries must be installed"
    )]
    NotUsable {
        /// What was asked for.
        asked: Provider,
        /// What the library says.
        message: String,
    },
}

fn names(providers: &[Provider]) -> String {
    let names: Vec<String> = providers.iter().map(Provider::to_string).collect();
    names.join(", ")
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Provider {
    /// All that the agent knows.
    pub const ALL: [Provider; 4] = [
        Provider::Cpu,
        Provider::OpenVino,
        Provider::Cuda,
        Provider::TensorRt,
    ];

    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Provider::Cpu => "cpu",
            Provider::OpenVino => "openvino",
            Provider::Cuda => "cuda",
            Provider::TensorRt => "tensorrt",
        }
    }

    /// The provider of this name.
    pub fn named(name: &str) -> Option<Provider> {
        Provider::ALL.into_iter().find(|p| p.name() == name)
    }

    /// Whether the loaded library was built with it.
    fn is_offered(self) -> bool {
        // A library that cannot say what it has offers nothing but the processor.
        match self {
            Provider::Cpu => true,
            Provider::OpenVino => ep::OpenVINO::is_available().unwrap_or(false),
            Provider::Cuda => ep::CUDA::is_available().unwrap_or(false),
            Provider::TensorRt => ep::TensorRT::is_available().unwrap_or(false),
        }
    }

    /// What registers it with a session; nothing for the processor, which is always there.
    fn registration(self) -> Option<ExecutionProviderDispatch> {
        let provider = match self {
            Provider::Cpu => return None,
            // As on the processor: one thread a session, see `model.rs`.
            Provider::OpenVino => ep::OpenVINO::default().with_num_threads(1).build(),
            Provider::Cuda => ep::CUDA::default().build(),
            Provider::TensorRt => ep::TensorRT::default().build(),
        };
        Some(provider.error_on_failure())
    }

    /// Has a session use it.
    pub(super) fn register(self, session: SessionBuilder) -> ort::Result<SessionBuilder> {
        match self.registration() {
            Some(registration) => Ok(session.with_execution_providers([registration])?),
            None => Ok(session),
        }
    }

    /// Whether the loaded library has it and it works here, drivers included.
    pub(super) fn check(self, environment: &Environment) -> Result<(), ProviderError> {
        if !self.is_offered() {
            let offered = Provider::ALL.into_iter().filter(|p| p.is_offered());
            return Err(ProviderError::NotOffered {
                asked: self,
                offered: offered.collect(),
            });
        }
        let tried = Session::builder(environment).and_then(|session| self.register(session));
        tried.map(drop).map_err(|e| ProviderError::NotUsable {
            asked: self,
            message: e.to_string(),
        })
    }
}
