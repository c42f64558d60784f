//! Sets values in the camera's own file, where everything else stays as somebody typed it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use analytics::geometry::Polygon;
use anyhow::{Context as _, bail};
use toml_edit::{
    Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, TableLike, Value, value,
};

use super::knob::{Knob, widened, zone_of};
use crate::{
    config::{self, Settings, settings::CameraSettings},
    evaluate::subject::the_camera,
};

/// Sets what was found of a camera's rule; the file that holds the camera comes back. A rule of a preset gets a table of its own
/// over it, and a zone that other rules look into, too, a zone of its own beside it.
///
/// # Errors
/// The camera stands in no file in a way that can be edited, or the result would be no configuration: the file is then as it was.
pub(super) fn write(
    config: &Path,
    camera: Option<&str>,
    rule: &str,
    values: &[(Knob, f64)],
) -> anyhow::Result<PathBuf> {
    let settings = config::load(config)?;
    let camera = the_camera(&settings.cameras, camera)?;
    for file in files(config)? {
        let place = file.display();
        let before = fs::read_to_string(&file).with_context(|| place.to_string())?;
        let mut document: DocumentMut = before.parse().with_context(|| place.to_string())?;
        let Some(table) = find(document.as_table_mut(), "cameras", camera.id.as_str()) else {
            continue;
        };
        set(table, camera, rule, values)?;
        replace(&file, &document.to_string())?;
        let checked = config::load(config).map_err(anyhow::Error::from);
        if let Err(why) = checked.and_then(|now: Settings| unchanged(&settings, &now)) {
            replace(&file, &before)?;
            return Err(why.context(format!("{place}: is left as it was")));
        }
        return Ok(file);
    }
    bail!("no file of {} holds camera {}", config.display(), camera.id)
}

/// Nothing of other cameras has changed.
fn unchanged(before: &Settings, now: &Settings) -> anyhow::Result<()> {
    let count = |settings: &Settings| settings.cameras.len();
    if count(before) != count(now) {
        bail!("{} cameras would be left of {}", count(now), count(before));
    }
    Ok(())
}

fn files(config: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = vec![config.to_owned()];
    let folder = config.parent().unwrap_or(Path::new("")).join("cameras.d");
    if folder.is_dir() {
        let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>()?;
        paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
        paths.sort();
        files.extend(paths);
    }
    Ok(files)
}

/// The whole file or none of it.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let place = || file.display().to_string();
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut part = tempfile::NamedTempFile::new_in(folder).with_context(place)?;
    std::io::Write::write_all(&mut part, text.as_bytes()).with_context(place)?;
    let mode = fs::metadata(file).with_context(place)?.permissions();
    part.as_file().set_permissions(mode).with_context(place)?;
    part.as_file().sync_all().with_context(place)?;
    part.persist(file).with_context(place)?;
    Ok(())
}

/// The table with this `id` in a list of tables, whichever way the list is written.
fn find<'t>(table: &'t mut dyn TableLike, list: &str, id: &str) -> Option<&'t mut dyn TableLike> {
    let is = |table: &dyn TableLike| table.get("id").and_then(Item::as_str) == Some(id);
    match table.get_mut(list)? {
        Item::ArrayOfTables(tables) => {
            let found = tables.iter_mut().find(|table| is(*table))?;
            Some(found)
        }
        Item::Value(Value::Array(array)) => {
            let mut tables = array.iter_mut().filter_map(Value::as_inline_table_mut);
            let found = tables.find(|table| is(*table))?;
            Some(found)
        }
        _ => None,
    }
}

/// Appends a table to a list of tables, which is made where there is none.
fn append(table: &mut dyn TableLike, list: &str, new: Table) {
    match table.get_mut(list) {
        Some(Item::ArrayOfTables(tables)) => tables.push(new),
        Some(Item::Value(Value::Array(array))) => {
            let inline: InlineTable = new.into_inline_table();
            array.push(inline);
        }
        _ => {
            let mut tables = ArrayOfTables::new();
            tables.push(new);
            table.insert(list, Item::ArrayOfTables(tables));
        }
    }
}

fn set(
    table: &mut dyn TableLike,
    camera: &CameraSettings,
    rule: &str,
    values: &[(Knob, f64)],
) -> anyhow::Result<()> {
    for (knob, number) in values {
        match knob {
            Knob::Number(key) => {
                put(of_rule(table, rule)?, key, *number);
            }
            Knob::MinScore => put(table, "min_score", *number),
            Knob::Margin => margin(table, camera, rule, *number as f32)?,
        }
    }
    Ok(())
}

/// Sets a number; what somebody wrote behind the one before stays.
fn put(table: &mut dyn TableLike, key: &str, number: f64) {
    let mut new = value(number);
    if let (Some(old), Some(new)) = (table.get(key).and_then(Item::as_value), new.as_value_mut()) {
        *new.decor_mut() = old.decor().clone();
    }
    table.insert(key, new);
}

/// The table of a rule; one of a preset gets one over it.
fn of_rule<'t>(table: &'t mut dyn TableLike, rule: &str) -> anyhow::Result<&'t mut dyn TableLike> {
    if find(table, "rules", rule).is_none() {
        let mut new = Table::new();
        new.insert("id", value(rule));
        append(table, "rules", new);
    }
    find(table, "rules", rule).context("the camera's rules are no list of tables")
}

fn margin(
    table: &mut dyn TableLike,
    camera: &CameraSettings,
    rule: &str,
    by: f32,
) -> anyhow::Result<()> {
    let rules = &camera.scene.rules;
    let own = rules
        .iter()
        .find(|one| one.id == rule)
        .context("the rule is gone")?;
    let name = zone_of(&own.rule).context("the rule has no zone")?;
    let zones = camera.scene.zones.iter();
    let (_, drawn) = zones
        .clone()
        .find(|(id, _)| id == name)
        .context("the zone is gone")?;
    let wide = widened(drawn, by).context("nothing is left of the zone")?;
    let shared = rules.iter().any(|one| {
        let looks =
            zone_of(&one.rule) == Some(name) || one.life.ignore.iter().any(|zone| zone == name);
        one.id != rule && looks
    });
    if !shared && let Some(zone) = find(table, "zones", name) {
        zone.insert("polygon", Item::Value(corners(&wide).into()));
        return Ok(());
    }
    let mut own = format!("{name}-{rule}");
    while zones.clone().any(|(id, _)| *id == own) {
        own.push('1');
    }
    let mut new = Table::new();
    new.insert("id", value(&own));
    new.insert("polygon", Item::Value(corners(&wide).into()));
    append(table, "zones", new);
    of_rule(table, rule)?.insert("zone", value(own));
    Ok(())
}

/// Corners to four places, which is less than a pixel.
fn corners(polygon: &Polygon) -> Array {
    let place = |number: f32| (f64::from(number) * 1e4).round() / 1e4;
    let corner =
        |point: &analytics::geometry::Point| Array::from_iter([place(point.x), place(point.y)]);
    polygon.vertices().iter().map(corner).collect()
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
