//! How hot the box is, by what the kernel says in /sys. A box that says nothing is cool.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Degrees below the kernel's own limit at which it is warm: nothing is added.
const WARM: f32 = 5.0;
/// Degrees below the temperature at which the kernel switches the box off that count as hot, where no zone names one at
/// which it slows the box down.
const BEFORE_CRITICAL: f32 = 10.0;
/// Limits outside of this are not believed: firmware leaves odd ones.
const CREDIBLE: std::ops::RangeInclusive<f32> = 50.0..=130.0;

/// How hot the box is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Heat {
    /// Nothing to be said, or nothing known.
    #[default]
    Cool,
    /// Near the limit.
    Warm,
    /// At the limit, or slowed down by the kernel; with what says so.
    Hot(String),
}

/// Reads `class/thermal` and `devices/system/cpu` below a folder that is /sys but in tests.
#[derive(Debug)]
pub struct Thermometer {
    sys: PathBuf,
    /// Times that processors were slowed down, at the last reading.
    throttled: Option<u64>,
}

impl Default for Thermometer {
    fn default() -> Self {
        Thermometer::below("/sys".into())
    }
}

impl Thermometer {
    /// Reads below `sys`.
    pub fn below(sys: PathBuf) -> Thermometer {
        Thermometer {
            sys,
            throttled: None,
        }
    }

    /// Takes a reading. Blocks for as long as firmware takes to answer.
    pub fn read(&mut self) -> Heat {
        let throttled = self.throttle_count();
        let before = std::mem::replace(&mut self.throttled, throttled);
        if let (Some(now), Some(before)) = (throttled, before)
            && now > before
        {
            return Heat::Hot("processors are slowed down".to_owned());
        }
        let zones = entries(&self.sys.join("class/thermal"), "thermal_zone");
        let heats = zones.iter().filter_map(|zone| heat_of(zone));
        heats.fold(Heat::Cool, |worst, heat| match (&worst, &heat) {
            (Heat::Hot(_), _) | (_, Heat::Cool) => worst,
            _ => heat,
        })
    }

    fn throttle_count(&self) -> Option<u64> {
        let processors = entries(&self.sys.join("devices/system/cpu"), "cpu");
        let counts = processors.iter().filter_map(|processor| {
            let file = processor.join("thermal_throttle/package_throttle_count");
            fs::read_to_string(file).ok()?.trim().parse::<u64>().ok()
        });
        counts.reduce(u64::max)
    }
}

fn entries(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = listed.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    let mut paths: Vec<PathBuf> = named.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn heat_of(zone: &Path) -> Option<Heat> {
    let at = degrees(&zone.join("temp"))?;
    let limit = limit(zone)?;
    let name = fs::read_to_string(zone.join("type")).unwrap_or_default();
    Some(if at >= limit {
        Heat::Hot(format!("{} at {at:.0} °C", name.trim()))
    } else if at >= limit - WARM {
        Heat::Warm
    } else {
        Heat::Cool
    })
}

/// Degrees at which the kernel slows the box down, or nearly switches it off.
fn limit(zone: &Path) -> Option<f32> {
    let kinds = entries(zone, "trip_point_");
    let trips = kinds.iter().filter_map(|file| {
        let stem = file.to_str()?.strip_suffix("_type")?;
        let at = degrees(Path::new(&format!("{stem}_temp")))?;
        match fs::read_to_string(file).ok()?.trim() {
            "passive" | "hot" => Some(at),
            "critical" => Some(at - BEFORE_CRITICAL),
            _ => None,
        }
    });
    trips.filter(|at| CREDIBLE.contains(at)).reduce(f32::min)
}

/// A file of thousandths of a degree.
fn degrees(file: &Path) -> Option<f32> {
    let text = fs::read_to_string(file).ok()?;
    Some(text.trim().parse::<i32>().ok()? as f32 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(sys: &Path, number: u8, files: &[(&str, &str)]) {
        let folder = sys.join(format!("class/thermal/thermal_zone{number}"));
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in files {
            fs::write(folder.join(name), format!("{text}\n")).unwrap();
        }
    }

    const TRIPS: [(&str, &str); 5] = [
        ("type", "cpu-thermal"),
        ("trip_point_0_type", "passive"),
        ("trip_point_0_temp", "85000"),
        ("trip_point_1_type", "critical"),
        ("trip_point_1_temp", "110000"),
    ];

    #[test]
    fn heat_is_told_by_the_kernels_own_limits() {
        let sys = tempfile::tempdir().unwrap();
        let mut thermometer = Thermometer::below(sys.path().to_owned());
        assert_eq!(thermometer.read(), Heat::Cool, "nothing is known");
        zone(sys.path(), 0, &TRIPS);
        // A zone with the odd limit of a careless firmware.
        let odd = [("temp", "45000"), ("trip_point_0_type", "passive")];
        zone(sys.path(), 1, &odd);
        zone(sys.path(), 1, &[("trip_point_0_temp", "20000")]);
        let mut at = |temp: &str| {
            zone(sys.path(), 0, &[("temp", temp)]);
            thermometer.read()
        };
        assert_eq!(at("60000"), Heat::Cool);
        assert_eq!(at("81000"), Heat::Warm);
        assert_eq!(at("86200"), Heat::Hot("cpu-thermal at 86 °C".to_owned()));
    }

    #[test]
    fn processors_that_are_slowed_down_are_hot_while_it_goes_on() {
        let sys = tempfile::tempdir().unwrap();
        let folder = sys.path().join("devices/system/cpu/cpu0/thermal_throttle");
        fs::create_dir_all(&folder).unwrap();
        let mut thermometer = Thermometer::below(sys.path().to_owned());
        let mut at = |count: u64| {
            fs::write(folder.join("package_throttle_count"), count.to_string()).unwrap();
            thermometer.read()
        };
        assert_eq!(at(7), Heat::Cool, "that was before");
        assert!(matches!(at(9), Heat::Hot(_)));
        assert_eq!(at(9), Heat::Cool);
    }
}
