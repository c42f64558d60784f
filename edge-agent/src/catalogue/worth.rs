//! Whether one model may take the place of another: what both see of the cases, and how long both take.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::bail;

use super::calibration::frames;
use crate::{
    evaluate::score_model,
    inference::{
        manifest::Manifest,
        model::{Model, ModelError},
        runtime::Runtime,
    },
};

/// F1 that may be lost: one point.
const MAX_LOSS: f64 = 0.01;

/// Frames that both models are timed on, by turns.
const TIMED: usize = 60;

/// The one and the other.
#[derive(Debug)]
pub(super) struct Worth {
    names: [String; 2],
    f1: [f64; 2],
    infer: [Duration; 2],
}

/// A model with where its weights are looked for.
pub(super) type Side<'s> = (&'s Manifest, &'s [PathBuf]);

/// Compares two models on cases, and their speed on the frames of a clip, in turns on one thread.
///
/// # Errors
/// Where cases, clip or models cannot be used, or the cases have nothing to see in them.
pub(super) fn compare(
    runtime: &Runtime,
    sides: [Side<'_>; 2],
    cases: &[PathBuf],
    settings: Option<&Path>,
    clip: &Path,
) -> anyhow::Result<Worth> {
    let open = |(manifest, weights): Side<'_>| Model::open(runtime, manifest, weights);
    let infer = time(sides.map(open), clip)?;
    let mut f1 = [0.0; 2];
    for (f1, side) in f1.iter_mut().zip(sides) {
        let totals = score_model(cases, settings, &side.0.name, &|_| open(side))?;
        if totals.tp + totals.fn_ == 0 {
            bail!("--cases: there is no incident in them that can be scored");
        }
        *f1 = totals.f1;
    }
    Ok(Worth {
        names: sides.map(|(manifest, _)| manifest.name.clone()),
        f1,
        infer,
    })
}

/// Median time of an inference of either.
fn time(models: [Result<Model, ModelError>; 2], clip: &Path) -> anyhow::Result<[Duration; 2]> {
    let [one, other] = models;
    let mut models = [one?, other?];
    let mut times: [Vec<Duration>; 2] = Default::default();
    let mut seen = Vec::new();
    frames(clip, |frame| {
        for (model, times) in models.iter_mut().zip(&mut times) {
            model.detect(&frame.picture(), (1, 1), 0.5, &mut seen)?;
            times.push(model.take_cost().infer);
        }
        Ok(times[0].len() < TIMED)
    })?;
    Ok(times.map(|mut times| {
        times.sort();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }))
}

impl Worth {
    /// Whether the other sees as much, but for one point of F1.
    pub(super) fn keeps(&self) -> bool {
        self.f1[0] - self.f1[1] <= MAX_LOSS
    }
}

impl fmt::Display for Worth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.names.iter().map(String::len).max().unwrap_or_default();
        writeln!(f, "{:width$}  {:>8}  inference", "model", "F1")?;
        for ((name, f1), infer) in self.names.iter().zip(self.f1).zip(self.infer) {
            let ms = infer.as_secs_f64() * 1e3;
            writeln!(f, "{name:width$}  {f1:8.3}  {ms:6.2} ms")?;
        }
        let [before, after] = self.infer.map(|time| time.as_secs_f64());
        let lost = self.f1[0] - self.f1[1];
        writeln!(
            f,
            "F1 {:+.3}, {:.2} of the time (medians, by turns on one thread)",
            -lost,
            after / before
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_point_may_be_lost_and_no_more() {
        let worth = |before, after| Worth {
            names: ["a", "a-int8"].map(str::to_owned),
            f1: [before, after],
            infer: [Duration::from_millis(20), Duration::from_millis(12)],
        };
        assert!(worth(0.90, 0.95).keeps() && worth(0.905, 0.896).keeps());
        assert!(!worth(0.90, 0.88).keeps());
        let text = worth(0.90, 0.88).to_string();
        assert!(text.contains("F1 -0.020, 0.60 of the time"), "{text}");
    }
}
