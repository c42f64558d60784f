//! A broker, a centre and somebody who listens: what every end-to-end test needs.

use std::path::Path;

use super::{Broker, Centre, Leash, Recorder};

/// A broker and a centre with files in a folder of their own. Fields are dropped in this order.
#[derive(Debug)]
pub struct Town {
    /// The centre.
    pub centre: Centre,
    /// Hears all that is said.
    pub recorder: Recorder,
    /// The broker.
    pub broker: Broker,
    folder: tempfile::TempDir,
}

impl Town {
    /// Starts them.
    ///
    /// # Errors
    /// If something does not start, with its last words.
    pub fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let broker = Broker::start(&folder.path().join("broker"), Leash::Drop)?;
        let centre = Centre::start(&folder.path().join("centre"), broker.port(), Leash::Drop)?;
        let recorder = Recorder::start(broker.port())?;
        Ok(Town {
            centre,
            recorder,
            broker,
            folder,
        })
    }

    /// A folder that goes with the town.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
