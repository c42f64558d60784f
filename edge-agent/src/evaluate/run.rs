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

use super::{camera_settings::CaseCamera, case::Case};
use crate::{
    analysis::{Analysis, Decision},
    camera::{GateSettings, file::Clip},
    inference::{
        attention::Attention,
        cascade::{Cascade, sources},
        model::{Cost, Model},
    },
    observed::{Look, Step},
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
    let labels = models
        .iter()
        .map(|(name, model)| (name.clone(), Arc::clone(model.labels())));
    let mut analysis = analysis(scene, camera, &labels.collect())?;
    let mut run = CaseRun::default();
    let mut alarms = Vec::new();
    watch(
        clip,
        camera,
        models,
        &mut analysis,
        &mut run,
        &mut |_, decisions| {
            alarms.extend(opened(scene, decisions));
        },
    )?;
    run.alarms = alarms;
    Ok(run)
}

/// Runs a case; nothing comes out of one without rules.
///
/// # Errors
/// As [`run`].
pub(crate) fn run_case(
    case: &Case,
    scene: &SceneSettings,
    camera: &CaseCamera,
    models: &mut BTreeMap<String, Model>,
) -> Result<CaseRun, String> {
    match scene.rules.is_empty() {
        true => Ok(CaseRun::default()),
        false => run(&case.clip, scene, camera, models),
    }
}

/// The analysis of a camera, with the labels of its models by their names.
///
/// # Errors
/// Everything in the scene that does not suit them.
pub(crate) fn analysis(
    scene: &SceneSettings,
    camera: &CaseCamera,
    models: &BTreeMap<String, Arc<[String]>>,
) -> Result<Analysis, String> {
    let labels = models.get(&camera.model).ok_or("no model")?;
    let known = |name: &str| {
        models
            .get(name)
            .map_or_else(Vec::new, |labels| labels.to_vec())
    };
    let looks = sources(&camera.cascades, &camera.looks, known);
    let analysis = Analysis::with_looks(scene, labels, camera.analysis_fps, &looks);
    let analysis = analysis.map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        lines.join("; ")
    })?;
    analysis.with_cascades(&camera.cascades, labels)
}

/// Shows a clip to an analysis as the street would, and hands on each thing that it was told with what it decided. What it
/// cost goes into `run`.
///
/// # Errors
/// One text, naming the clip or the model.
pub(crate) fn watch(
    clip: &Path,
    camera: &CaseCamera,
    models: &mut BTreeMap<String, Model>,
    analysis: &mut Analysis,
    run: &mut CaseRun,
    told: &mut dyn FnMut(Step, &[Decision]),
) -> Result<(), String> {
    let cascade = Cascade::of(&camera.cascades, &camera.looks);
    let cascade = cascade.with_likeness(camera.likeness.clone());
    let gate = GateSettings {
        kind: camera.gate,
        masks: camera.masks.clone(),
    };
    let mut clip = Clip::gated(clip, &gate, camera.analysis_fps).map_err(|e| e.to_string())?;
    let mut attention = Attention::default();
    let mut detections = Vec::new();
    for model in models.values_mut() {
        model.take_cost();
    }
    while let Some(frame) = clip.next_frame().map_err(|e| e.to_string())? {
        run.frames += 1;
        let looked = attention.wants(&frame);
        let mut appearances = Vec::new();
        if looked {
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
        }
        let frame = Arc::new(frame);
        if looked {
            let seen = cascade.recognise(models, &frame, &detections);
            appearances = seen.map_err(|e| e.to_string())?;
            let looks = cascade.look(models, &frame, &detections);
            run.crops += looks.map_err(|e| e.to_string())?;
        }
        let looks = cascade.look_whole(models, &frame);
        run.looks += looks.map_err(|e| e.to_string())?;
        let seen = looked.then_some(detections.as_slice());
        let wanted = analysis.wants_picture(frame.stamps().at);
        let look = Step::Frame(Look::of(&frame, seen, &appearances, wanted));
        analysis.recognise(appearances);
        let decisions = match (seen, frame.still_since()) {
            (Some(seen), None) => analysis.update(frame, seen),
            (seen, _) => analysis.update_still(frame, seen),
        };
        told(look, &decisions);
        let (answers, said) = (cascade.take_answers(), cascade.take_said());
        if !answers.is_empty() {
            told(Step::Answered(answers.clone()), &[]);
            analysis.answered(answers);
        }
        if !said.is_empty() {
            told(Step::Said(said.clone()), &[]);
            analysis.hear(said);
        }
        cascade.wish(analysis.wishes());
        cascade.sketch(analysis.sketches());
    }
    let last = analysis.finish();
    told(Step::Said(Vec::new()), &last);
    run.duration_s = seconds(clip.end());
    run.decoded = clip.progress().decoded.load(Ordering::Relaxed);
    let model = models.get_mut(&camera.model).ok_or("no model")?;
    run.cost = model.take_cost();
    Ok(())
}

/// Media time in seconds, to the microsecond: containers keep no more, and 1.8399999999 helps nobody.
fn seconds(at: Duration) -> f64 {
    (at.as_secs_f64() * 1e6).round() / 1e6
}

/// The alarms among decisions.
pub(crate) fn opened<'d>(
    scene: &'d SceneSettings,
    decisions: &'d [Decision],
) -> impl Iterator<Item = Alarm> + 'd {
    let opened = |change: &IncidentChange| change.transition == Transition::Opened;
    let decisions = decisions.iter().filter(move |d| opened(&d.change));
    decisions.map(|decision| {
        let Decision {
            change,
            stamps,
            frame,
            ..
        } = decision;
        Alarm {
            rule: scene.rules[change.rule.0].id.clone(),
            capture_s: seconds(stamps.at),
            held_back_s: seconds(frame.seen_at().saturating_sub(stamps.at)),
            confidence: change.confidence,
            boxes: change.objects.iter().map(|object| object.rect).collect(),
        }
    })
}
