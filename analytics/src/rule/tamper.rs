//! Somebody or something keeps the camera from seeing.

use super::Log;
use crate::{incident::IncidentNumber, picture::Tampering};

/// One incident for as long as one of the kinds goes on.
#[derive(Debug)]
pub(crate) struct Tamper {
    detect: Vec<Tampering>,
    open: Option<IncidentNumber>,
}

impl Tamper {
    /// # Errors
    /// Nothing to watch for.
    pub(crate) fn new(detect: Vec<Tampering>) -> Result<Self, String> {
        if detect.is_empty() {
            return Err("detect names nothing to watch for".to_owned());
        }
        Ok(Tamper { detect, open: None })
    }

    pub(crate) fn evaluate(&mut self, log: &mut Log<'_>) {
        let seen = log.sight.tampering.iter();
        let is = !log.ends && seen.clone().any(|kind| self.detect.contains(kind));
        match self.open {
            None if is => self.open = Some(log.open(&[])),
            Some(incident) if !is => {
                log.close(incident, &[]);
                self.open = None;
            }
            _ => {}
        }
    }
}
