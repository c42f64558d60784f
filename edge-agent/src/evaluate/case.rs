//! `case.toml`: a clip, what its camera is told to watch for, and what really happens in it.
//!
//! Mistakes are reported with file and line.

mod rule;

use std::{
    fs,
    path::{Path, PathBuf},
};

use analytics::{
    geometry::{Line, Point, Polygon},
    ground::Ground,
    rule::RuleSettings,
};
use serde::Deserialize;
use toml::Spanned;

use crate::config::calibration;
use rule::RawRule;

/// Name of the file that describes a case in its folder.
pub const FILE_NAME: &str = "case.toml";

/// A case, checked.
#[derive(Clone, Debug)]
pub struct Case {
    /// Name of its folder.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Its folder.
    pub folder: PathBuf,
    /// The clip.
    pub clip: PathBuf,
    /// The camera that filmed it, by its name on its node.
    pub camera: Option<String>,
    /// Zones by name.
    pub zones: Vec<(String, Polygon)>,
    /// Lines by name.
    pub lines: Vec<(String, Line)>,
    /// The ground, where it is calibrated.
    pub ground: Option<Ground>,
    /// Rules.
    pub rules: Vec<CaseRule>,
    /// What really happens.
    pub truth: Truth,
}

/// A rule of a case.
#[derive(Clone, Debug)]
pub struct CaseRule {
    /// Its name.
    pub id: String,
    /// Its kind, as the case names it.
    pub kind: String,
    /// As it is evaluated; nothing where the case's camera has no model for it.
    pub settings: Option<RuleSettings>,
}

/// What really happens in a clip: for the scorer alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// Seconds around a truth incident in which an alarm still belongs to it.
    pub tolerance_s: f64,
    /// The incidents.
    pub incidents: Vec<Span>,
    /// What counts neither way.
    pub ignore: Vec<Span>,
}

/// Something from one media time to another, in seconds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Name of the rule.
    pub rule: String,
    /// When it begins.
    pub start_s: f64,
    /// When it is over.
    pub end_s: f64,
    /// For people.
    #[serde(default)]
    pub note: String,
}

/// Why a case cannot be read: file, line, and everything that is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct CaseError {
    /// One line a problem.
    pub problems: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCase {
    clip: Spanned<PathBuf>,
    camera: Option<String>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    #[expect(dead_code, reason = "read by people, kept so that the key is known")]
    licence: String,
    #[serde(default = "tolerance")]
    tolerance_s: f64,
    #[serde(default)]
    zones: Vec<RawZone>,
    #[serde(default)]
    lines: Vec<RawLine>,
    #[serde(default)]
    rules: Vec<RawRule>,
    #[serde(default)]
    incidents: Vec<Spanned<Span>>,
    #[serde(default)]
    ignore: Vec<Spanned<Span>>,
    calibration: Option<Spanned<RawCalibration>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCalibration {
    points: Vec<RawGroundPoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGroundPoint {
    image: [f64; 2],
    ground: [f64; 2],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawZone {
    id: String,
    polygon: Spanned<Vec<(f32, f32)>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    id: String,
    from: Spanned<(f32, f32)>,
    to: (f32, f32),
}

fn tolerance() -> f64 {
    1.5
}

/// Collects problems with their lines.
struct Report<'t> {
    path: &'t Path,
    text: &'t str,
    problems: Vec<String>,
}

impl Report<'_> {
    fn add(&mut self, at: std::ops::Range<usize>, problem: impl std::fmt::Display) {
        let before = self.text.get(..at.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        self.problems
            .push(format!("{}:{line}: {problem}", self.path.display()));
    }
}

impl Case {
    /// Reads a case, given its folder or its file.
    ///
    /// # Errors
    /// Everything that is wrong in the file, by line.
    pub fn load(path: &Path) -> Result<Case, CaseError> {
        let path = if path.is_dir() {
            path.join(FILE_NAME)
        } else {
            path.to_owned()
        };
        let text = fs::read_to_string(&path).map_err(|e| CaseError {
            problems: vec![format!("{}: {e}", path.display())],
        })?;
        Case::parse(&path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Case, CaseError> {
        let raw: RawCase = toml::from_str(text).map_err(|e| CaseError {
            problems: vec![format!("{}: {}", path.display(), e.to_string().trim_end())],
        })?;
        let mut report = Report {
            path,
            text,
            problems: Vec::new(),
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        let zones = zones(&raw, &mut report);
        let lines = lines(&raw, &mut report);
        let ground = ground(&raw, &mut report);
        let rules = raw
            .rules
            .iter()
            .filter_map(|rule| rule::read(rule, &raw, &mut report))
            .collect();
        let truth = Truth {
            tolerance_s: raw.tolerance_s,
            incidents: spans(&raw, &raw.incidents, &mut report),
            ignore: spans(&raw, &raw.ignore, &mut report),
        };
        let name = folder.canonicalize().ok();
        let name = name.as_deref().unwrap_or(folder).file_name();
        let case = Case {
            name: name.unwrap_or_default().to_string_lossy().into_owned(),
            title: raw.title,
            folder: folder.to_owned(),
            clip: folder.join(raw.clip.get_ref()),
            camera: raw.camera,
            zones,
            lines,
            ground,
            rules,
            truth,
        };
        match report.problems.is_empty() {
            true => Ok(case),
            false => Err(CaseError {
                problems: report.problems,
            }),
        }
    }
}

fn point((x, y): (f32, f32)) -> Point {
    Point { x, y }
}

fn zones(raw: &RawCase, report: &mut Report<'_>) -> Vec<(String, Polygon)> {
    let mut zones = Vec::new();
    for zone in &raw.zones {
        let points = zone.polygon.get_ref().iter().map(|p| point(*p)).collect();
        match Polygon::new(points) {
            Ok(polygon) => zones.push((zone.id.clone(), polygon)),
            Err(e) => report.add(zone.polygon.span(), format_args!("zone {:?}: {e}", zone.id)),
        }
    }
    zones
}

fn lines(raw: &RawCase, report: &mut Report<'_>) -> Vec<(String, Line)> {
    let mut lines = Vec::new();
    for line in &raw.lines {
        match Line::new(point(*line.from.get_ref()), point(line.to)) {
            Ok(shape) => lines.push((line.id.clone(), shape)),
            Err(e) => report.add(line.from.span(), format_args!("line {:?}: {e}", line.id)),
        }
    }
    lines
}

fn ground(raw: &RawCase, report: &mut Report<'_>) -> Option<Ground> {
    let raw = raw.calibration.as_ref()?;
    let points = raw.get_ref().points.iter();
    let points: Vec<_> = points.map(|point| (point.image, point.ground)).collect();
    let ground = calibration::ground(&points);
    ground
        .map_err(|why| report.add(raw.span(), format_args!("calibration: {why}")))
        .ok()
}

fn spans(raw: &RawCase, spans: &[Spanned<Span>], report: &mut Report<'_>) -> Vec<Span> {
    let mut checked = Vec::new();
    for span in spans {
        let found = span.get_ref();
        if !raw
            .rules
            .iter()
            .any(|rule| *rule.id.get_ref() == found.rule)
        {
            report.add(
                span.span(),
                format_args!("no rule is named {:?}", found.rule),
            );
        } else if found
            .end_s
            .partial_cmp(&found.start_s)
            .is_none_or(|o| o.is_lt())
        {
            report.add(span.span(), "end_s lies before start_s");
        } else {
            checked.push(found.clone());
        }
    }
    checked
}

#[cfg(test)]
#[path = "case_tests.rs"]
mod tests;
