//! What cameras watch for, as it was typed: for whoever writes it down again. Tables of the files themselves, so that a key
//! that a rule learns is in them, too; keys that could hold an address or a login are not.

use super::{problem::Source, settings::CameraSettings};

/// Keys of `[[cameras]]` that are kept.
const KEPT: [&str; 4] = ["zones", "lines", "rules", "calibration"];

/// Gives each camera its tables out of `sources`, which were found to be right.
pub(super) fn keep<'s>(cameras: &mut [CameraSettings], sources: impl Iterator<Item = &'s Source>) {
    for source in sources {
        let file: toml::Table = toml::from_str(&source.text).unwrap_or_default();
        let tables = file.get("cameras").and_then(toml::Value::as_array);
        for table in tables
            .into_iter()
            .flatten()
            .filter_map(toml::Value::as_table)
        {
            let id = table.get("id").and_then(toml::Value::as_str);
            let own = cameras.iter_mut().find(|c| Some(c.id.as_str()) == id);
            let Some(camera) = own else { continue };
            let kept = KEPT
                .iter()
                .filter_map(|key| Some(((*key).to_owned(), table.get(*key)?.clone())));
            camera.typed = kept.collect();
        }
    }
}
