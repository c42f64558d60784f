//! What a camera would have raised in the time that is remembered of it.

use std::sync::Arc;

use analytics::incident::Transition;
use protocol::{Preview, PreviewAlarm, Utc, incident::ClockQuality};

use super::{Step, replay::PICTURES};
use crate::{analysis::Analysis, config::settings::CameraSettings, report::Reporter};

/// Alarms in one answer at most: a receipt is a message.
const MOST: usize = 100;

/// Alarms of these settings, and how many what is in force would have raised.
pub fn preview(
    steps: &[Arc<Step>],
    camera: &CameraSettings,
    analysis: Analysis,
    reporter: Reporter,
    now: u64,
) -> Preview {
    let told = alarms(steps, camera, analysis, reporter);
    let pictures = |kind: &str| PICTURES.contains(&kind);
    let left_out = camera
        .scene
        .rules
        .iter()
        .filter(|rule| pictures(rule.rule.kind().as_str()));
    let mut times = steps.iter().filter_map(|step| match step.as_ref() {
        Step::Frame(look) => Some(look.stamps.capture_or_arrival()),
        _ => None,
    });
    let from: Utc = times.next().unwrap_or_else(protocol::now);
    Preview {
        from,
        until: times.next_back().unwrap_or(from),
        count: told.len() as u64,
        alarms: told.into_iter().take(MOST).collect(),
        now,
        left_out: left_out.map(|rule| rule.id.clone()).collect(),
    }
}

/// Every alarm of these settings in what is remembered, the first one first.
pub fn alarms(
    steps: &[Arc<Step>],
    camera: &CameraSettings,
    mut analysis: Analysis,
    mut reporter: Reporter,
) -> Vec<PreviewAlarm> {
    let clock = ClockQuality {
        synchronised: true,
        estimated_error_ms: None,
    };
    let mut told = Vec::new();
    let steps = steps
        .iter()
        .map(|step| step.tell(&mut analysis, camera.min_score));
    for decision in steps.flatten() {
        let opened = decision.change.transition == Transition::Opened;
        let report = reporter.report(&decision.change, decision.stamps, clock, None);
        let of_picture = PICTURES.contains(&decision.change.kind.as_str());
        if let Some(report) = report.filter(|_| opened && !of_picture) {
            let data = report.event.data;
            told.push(PreviewAlarm {
                rule: data.rule,
                time: decision.stamps.capture_or_arrival(),
                objects: data.objects,
            });
        }
    }
    told
}
