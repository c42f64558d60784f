//! One case through the pipeline of the street: decoder, gate, preprocessing, model, tracker, rules; in media time.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use analytics::{
    geometry::Rect,
    incident::{IncidentChange, Transition},
    scene::SceneSettings,
};

use super::camera_settings::CaseCamera;
use crate::{
    analysis::{Analysis, Decision},
    camera::{GateSettings, file::Clip},
    inference::{
        attention::Attention,
        cascade::{Cascade, sources},
        model::{Cost, Model},
    },
};

/// An incident that opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// Name of the rule.
    pub rule: String,
    /// Media time of the frame that decided, in seconds.
    pub capture_s: f64,
    /// What the gate held it back by, in seconds of media time: the frame that decided was decoded so much later, or an earlier
    /// moment was decided by it.
    pub held_back_s: f64,
    /// 0..=1.
    pub confidence: f32,
    /// Boxes of the objects that take part.
    pub boxes: Vec<Rect>,
}

/// What came out of a case.
#[derive(Clone, Debug, Default)]
pub struct CaseRun {
    /// In the order in which they were raised.
    pub alarms: Vec<Alarm>,
    /// Media time of the clip's last picture, in seconds.
    pub duration_s: f64,
    /// Frames that the gate picked.
    pub frames: u64,
    /// Those among them that the model looked at; nothing moved in the others.
    pub looked: u64,
    /// Pictures that were decoded.
    pub decoded: u64,
    /// Crops that second models looked at.
    pub crops: u64,
    /// Whole pictures that second models looked at.
    pub looks: u64,
    /// What the model cost.
    pub cost: Cost,
}

/// Runs a camera over a clip.
///
/// # Errors
/// One text, naming the clip, the rule or the model.
pub fn run(
    clip: &Path,
    scene: &SceneSettings,
    camera: &CaseCamera,
    models: &mut BTreeMap<String, Model>,
) -> Result<CaseRun, String> {
    let model = models.get(&camera.model).ok_or("no model")?;
    let labels = Arc::clone(model.labels());
    let known = |name: &str| {
        models
            .get(name)
            .map_or_else(Vec::new, |m| m.labels().to_vec())
    };
    let looks = sources(&camera.cascades, &camera.looks, known);
    let analysis = Analysis::with_looks(scene, &labels, camera.analysis_fps, &looks);
    let mut analysis = analysis.map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        lines.join("; ")
    })?;
    analysis = analysis.with_cascades(&camera.cascades, &labels)?;
    let cascade = Cascade::of(&camera.cascades, &camera.looks);
    let cascade = cascade.with_likeness(camera.likeness.clone());
    let gate = GateSettings {
        kind: camera.gate,
        masks: Vec::new(),
    };
    let mut clip = Clip::gated(clip, &gate, camera.analysis_fps).map_err(|e| e.to_string())?;
    let mut attention = Attention::default();
    let mut run = CaseRun::default();
    let mut detections = Vec::new();
    for model in models.values_mut() {
        model.take_cost();
    }
    while let Some(frame) = clip.next_frame().map_err(|e| e.to_string())? {
        run.frames += 1;
        if !attention.wants(&frame) {
            let frame = Arc::new(frame);
            run.note(scene, &analysis.update_still(Arc::clone(&frame), None));
            let looks = cascade.look_whole(models, &frame);
            run.looks += looks.map_err(|e| e.to_string())?;
            analysis.hear(cascade.take_said());
            continue;
        }
        let model = models.get_mut(&camera.model).ok_or("no model")?;
        model
            .detect(
                &frame.picture(),
                camera.tiles,
                camera.min_score,
                &mut detections,
            )
            .map_err(|e| e.to_string())?;
        run.looked += 1;
        attention.looked(&frame, detections.len());
        let frame = Arc::new(frame);
        let appearances = cascade.recognise(models, &frame, &detections);
        analysis.recognise(appearances.map_err(|e| e.to_string())?);
        let looks = cascade.look(models, &frame, &detections);
        run.crops += looks.map_err(|e| e.to_string())?;
        let looks = cascade.look_whole(models, &frame);
        run.looks += looks.map_err(|e| e.to_string())?;
        let decisions = match frame.still_since() {
            None => analysis.update(frame, &detections),
            Some(_) => analysis.update_still(frame, Some(&detections)),
        };
        run.note(scene, &decisions);
        analysis.answered(cascade.take_answers());
        analysis.hear(cascade.take_said());
        cascade.wish(analysis.wishes());
        cascade.sketch(analysis.sketches());
    }
    run.note(scene, &analysis.finish());
    run.duration_s = seconds(clip.end());
    run.decoded = clip.progress().decoded.load(Ordering::Relaxed);
    let model = models.get_mut(&camera.model).ok_or("no model")?;
    run.cost = model.take_cost();
    Ok(run)
}

/// Media time in seconds, to the microsecond: containers keep no more, and 1.8399999999 helps nobody.
fn seconds(at: Duration) -> f64 {
    (at.as_secs_f64() * 1e6).round() / 1e6
}

impl CaseRun {
    fn note(&mut self, scene: &SceneSettings, decisions: &[Decision]) {
        let opened = |change: &IncidentChange| change.transition == Transition::Opened;
        for Decision {
            change,
            stamps,
            frame,
            ..
        } in decisions.iter().filter(|d| opened(&d.change))
        {
            self.alarms.push(Alarm {
                rule: scene.rules[change.rule.0].id.clone(),
                capture_s: seconds(stamps.at),
                held_back_s: seconds(frame.seen_at().saturating_sub(stamps.at)),
                confidence: change.confidence,
                boxes: change.objects.iter().map(|object| object.rect).collect(),
            });
        }
    }
}
