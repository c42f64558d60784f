//! What the demonstration says to the person before it. The one place of this crate that writes to the terminal.

use std::{
    io::{self, Write},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use protocol::{CameraState, IncidentEvent};

use super::{verdict::Row, watch::Watch};

/// Standard output, line by line.
#[derive(Debug)]
pub(super) struct Screen {
    out: io::Stdout,
}

impl Screen {
    pub(super) fn new() -> Self {
        Screen { out: io::stdout() }
    }

    pub(super) fn say(&mut self, text: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.out, "{}", text.as_ref())?;
        self.out.flush()
    }

    pub(super) fn console(&mut self, url: &str, token: Option<&str>) -> io::Result<()> {
        self.say(format!("\n  console: {url}"))?;
        if let Some(token) = token {
            self.say(format!(
                "  first sign-in: name the administrator with the one-time token {token}"
            ))?;
        }
        self.say("")
    }

    pub(super) fn camera(
        &mut self,
        id: &str,
        state: CameraState,
        reason: Option<&str>,
    ) -> io::Result<()> {
        let state = match state {
            CameraState::Connecting => "connecting",
            CameraState::Watching => "watching",
            CameraState::Failed => "failed",
            CameraState::Disabled => "disabled",
        };
        let reason = reason
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        self.say(format!(
            "{}  camera {id}: {state}{reason}",
            local(Timestamp::now())
        ))
    }

    /// One alert: local time of the picture, camera, what happened in plain words, time from picture to broker.
    pub(super) fn alert(
        &mut self,
        event: &IncidentEvent,
        camera: &str,
        at: Timestamp,
    ) -> io::Result<()> {
        let captured = event.data.time.capture;
        let delay = at.duration_since(captured).as_secs_f64();
        self.say(format!(
            "{}  {camera}: {}  ({delay:.2} s)",
            local(captured),
            in_words(event)
        ))
    }

    pub(super) fn progress(&mut self, watch: &Watch, left: Option<Duration>) -> io::Result<()> {
        let left = left
            .map(|left| format!(", {} s left", left.as_secs()))
            .unwrap_or_default();
        self.say(format!(
            "{}  {} alerts so far{left}",
            local(Timestamp::now()),
            watch.alerts()
        ))
    }

    pub(super) fn table(&mut self, rows: &[Row]) -> io::Result<()> {
        let width = |text: fn(&Row) -> &str, title: &str| {
            rows.iter()
                .map(|row| text(row).len())
                .chain([title.len()])
                .max()
                .unwrap_or_default()
        };
        let camera = width(|row| &row.rule.camera, "camera");
        let rule = width(|row| &row.rule.id, "rule");
        let kind = width(|row| &row.rule.kind, "kind");
        self.say(format!(
            "\n{:camera$}  {:rule$}  {:kind$}  scripted  seen  missed  false  delay",
            "camera", "rule", "kind"
        ))?;
        for row in rows {
            self.say(format!(
                "{:camera$}  {:rule$}  {:kind$}  {:8}  {:4}  {:6}  {:5}  {}",
                row.rule.camera,
                row.rule.id,
                row.rule.kind,
                row.scripted,
                row.seen,
                row.missed(),
                row.false_alarms,
                row.delay.map(seconds).unwrap_or_default(),
            ))?;
        }
        let sum = |count: fn(&Row) -> usize| rows.iter().map(count).sum::<usize>();
        let (scripted, seen) = (sum(|row| row.scripted), sum(|row| row.seen));
        let wrong = sum(|row| row.false_alarms);
        if scripted == 0 {
            return self
                .say("\nno scripted incident lay well within the time watched; watch for longer");
        }
        let missed = scripted - seen;
        self.say(format!(
            "\n{scripted} scripted, {seen} seen, {missed} missed, {wrong} false"
        ))
    }
}

fn seconds(duration: SignedDuration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

fn local(time: Timestamp) -> String {
    time.to_zoned(TimeZone::system())
        .strftime("%H:%M:%S")
        .to_string()
}

/// A rule's kind in plain words, with what it was raised by.
fn in_words(event: &IncidentEvent) -> String {
    let who = event
        .data
        .objects
        .first()
        .map_or("something", |object| object.class.as_str());
    let rule = &event.data.rule.id;
    match event.data.rule.kind.as_str() {
        "line_crossing" => format!("{who} crossed a line ({rule})"),
        "intrusion" => format!("{who} entered a zone ({rule})"),
        "loitering" => format!("{who} stays in a zone ({rule})"),
        other => format!("{who}: {} ({rule})", other.replace('_', " ")),
    }
}
