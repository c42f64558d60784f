//! What the link may carry in a day and a month, where the contract with the operator of the network counts bytes.
//!
//! Alerts always go, and count; pictures and videos wait once a budget is used up. What was used outlives a restart: it is
//! written at most every half minute, so a power cut forgets so much of it at most. Days and months are those of UTC. Counts
//! messages with their topics and headers; TLS and TCP come on top, a tenth or so.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use jiff::{civil::Date, tz::TimeZone};
use protocol::Utc;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::health::Faults;

/// Where a used-up budget is told in the health report.
const PLACE: &str = "mqtt.budget";
const WRITE_EVERY: Duration = Duration::from_secs(30);

/// Bytes that the link may carry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    /// In a day.
    pub day: Option<u64>,
    /// In a month.
    pub month: Option<u64>,
}

/// What was used of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Used {
    date: Date,
    day: u64,
    month: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Budget {
    caps: Caps,
    used: Used,
    file: Option<PathBuf>,
    faults: Arc<Faults>,
    /// When what was used since is to be written, if anything was.
    write_at: Option<Instant>,
}

impl Budget {
    /// No bounds, nothing kept.
    pub fn unlimited() -> Self {
        Budget {
            caps: Caps::default(),
            used: Used::default(),
            file: None,
            faults: Arc::default(),
            write_at: None,
        }
    }

    /// These bounds, with what was used of them as `file` has it. A file that cannot be read counts as nothing used, with a
    /// warning: alerts must go all the same.
    pub fn open(caps: Caps, file: &Path, faults: Arc<Faults>) -> Self {
        if caps == Caps::default() {
            return Budget::unlimited();
        }
        let used = match std::fs::read(file) {
            Ok(text) => serde_json::from_slice(&text).map_err(|e| e.to_string()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Used::default()),
            Err(e) => Err(e.to_string()),
        };
        let used = used.unwrap_or_else(|why| {
            tracing::warn!(file = %file.display(), "what was used of the link's budget is not known: {why}");
            Used::default()
        });
        Budget {
            caps,
            used,
            file: Some(file.to_owned()),
            faults,
            write_at: None,
        }
    }

    /// So many bytes went.
    pub(super) fn spent(&mut self, bytes: usize, now: Utc) {
        if self.file.is_none() {
            return;
        }
        self.turn(now);
        self.used.day += bytes as u64;
        self.used.month += bytes as u64;
        self.write_at
            .get_or_insert_with(|| Instant::now() + WRITE_EVERY);
    }

    /// Whether evidence may go. Where it may not, the health report says why, until it may again.
    pub(super) fn leaves_room(&mut self, now: Utc) -> bool {
        self.turn(now);
        let over = |cap: Option<u64>, used: u64| cap.is_some_and(|cap| used >= cap);
        let why = if over(self.caps.month, self.used.month) {
            Some(("mib_per_month", "month"))
        } else if over(self.caps.day, self.used.day) {
            Some(("mib_per_day", "day"))
        } else {
            None
        };
        let fault = why.map(|(key, period)| {
            format!("{key} is used up: pictures and videos wait for the next {period} (UTC), alerts go on")
        });
        self.faults.set(PLACE, fault);
        why.is_none()
    }

    /// Writes what was used, if it is time to, or `at_once`.
    pub(super) fn keep(&mut self, at_once: bool) {
        let due = self
            .write_at
            .is_some_and(|at| at_once || at <= Instant::now());
        let Some(file) = self.file.as_ref().filter(|_| due) else {
            return;
        };
        self.write_at = None;
        let text = serde_json::to_vec(&self.used).expect("plain data with text keys becomes JSON");
        let fresh = file.with_extension("new");
        let written = std::fs::write(&fresh, text).and_then(|()| std::fs::rename(&fresh, file));
        if let Err(why) = written {
            tracing::warn!(file = %file.display(), "what was used of the link's budget cannot be kept: {why}");
        }
    }

    /// Begins a new day or month. A clock that steps back begins nothing: it would give away a budget twice.
    fn turn(&mut self, now: Utc) {
        let date = now.to_zoned(TimeZone::UTC).date();
        if date <= self.used.date {
            return;
        }
        if date.first_of_month() > self.used.date {
            self.used.month = 0;
        }
        self.used.day = 0;
        self.used.date = date;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPS: Caps = Caps {
        day: Some(1000),
        month: Some(1500),
    };

    fn at(text: &str) -> Utc {
        text.parse().unwrap()
    }

    #[test]
    fn evidence_waits_for_the_next_day_and_the_next_month() {
        let folder = tempfile::tempdir().unwrap();
        let faults = Arc::new(Faults::default());
        let file = folder.path().join("budget.json");
        let mut budget = Budget::open(CAPS, &file, Arc::clone(&faults));
        for (time, bytes, room) in [
            ("2026-06-29T10:00:00Z", 999, true),
            ("2026-06-29T23:59:59Z", 1, false),
            ("2026-06-30T00:00:00Z", 0, true),
            // A clock that steps back gives nothing away twice.
            ("1970-01-01T00:00:00Z", 499, true),
            ("2026-06-30T12:00:00Z", 1, false),
            ("2026-07-01T00:00:00Z", 0, true),
        ] {
            budget.spent(bytes, at(time));
            assert_eq!(budget.leaves_room(at(time)), room, "{time}");
            assert_eq!(faults.told().is_empty(), room, "{:?}", faults.told());
        }
    }

    #[test]
    fn what_was_used_outlives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("budget.json");
        let now = at("2026-06-29T10:00:00Z");
        let mut budget = Budget::open(CAPS, &file, Arc::default());
        budget.spent(1000, now);
        budget.keep(true);
        let mut again = Budget::open(CAPS, &file, Arc::default());
        assert!(!again.leaves_room(now));
        std::fs::write(&file, "{").unwrap();
        assert!(Budget::open(CAPS, &file, Arc::default()).leaves_room(now));
    }
}
