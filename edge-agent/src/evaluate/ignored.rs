//! Areas that operators have had ignored, as a node writes them down beside its replay set: cases of the same camera and rule
//! can be run with them.

use std::{fs, path::Path};

use analytics::geometry::{Point, Polygon};
use protocol::IgnoredArea;
use serde::Deserialize;

use super::case::Case;

/// `ignored.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ignored {
    #[serde(default)]
    areas: Vec<IgnoredArea>,
}

impl Ignored {
    /// Reads the file.
    ///
    /// # Errors
    /// One text with file, line and what is wrong.
    pub fn load(path: &Path) -> Result<Ignored, String> {
        let place = |why: String| format!("{}: {}", path.display(), why.trim_end());
        let text = fs::read_to_string(path).map_err(|e| place(e.to_string()))?;
        toml::from_str(&text).map_err(|e| place(e.to_string()))
    }

    /// Has the rules of a case ignore what they ignore on its node.
    ///
    /// # Errors
    /// An area is none.
    pub fn apply(&self, case: &mut Case) -> Result<(), String> {
        for area in &self.areas {
            if case.camera.as_deref() != Some(area.camera.as_str()) {
                continue;
            }
            let rules = case.rules.iter_mut();
            let own = rules.filter(|rule| rule.id == area.rule.as_str());
            for settings in own.filter_map(|rule| rule.settings.as_mut()) {
                let zone = format!("ignored {}", area.area);
                let corners = area.polygon.iter().map(|[x, y]| Point::new(*x, *y));
                let polygon = Polygon::new(corners.collect());
                let polygon = polygon.map_err(|e| format!("area {}: {e}", area.area))?;
                case.zones.push((zone.clone(), polygon));
                settings.life.ignore.push(zone);
            }
        }
        Ok(())
    }
}
