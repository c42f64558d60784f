//! What a stretch of a stream says of how its camera encodes.

use std::{fmt, time::Duration};

/// One encoded picture: when it is to be shown, whether decoding can begin with it, and its bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Unit {
    pub(super) at: Duration,
    pub(super) key: bool,
    pub(super) bytes: usize,
}

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figures {
    /// Pictures a second.
    pub(super) fps: f64,
    /// Pictures from one key picture to the next, and the time between; nothing where no two were seen.
    pub(super) group: Option<(f64, Duration)>,
    /// Bits a second.
    pub(super) bit_rate: f64,
    pub(super) mode: RateMode,
}

/// How an encoder keeps its bit rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RateMode {
    /// The same whatever is to be seen.
    Constant,
    /// As much as a picture needs.
    Variable,
    /// Too little was seen.
    Unknown,
}

impl fmt::Display for RateMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RateMode::Constant => "constant",
            RateMode::Variable => "variable",
            RateMode::Unknown => "too little was seen to say whether constant or variable",
        })
    }
}

/// Groups of pictures differ by less than this where the rate is kept: standard deviation over mean.
const STEADY: f64 = 0.1;

impl Figures {
    /// Of units in the order in which they came; nothing of fewer than two.
    pub(super) fn of(units: &[Unit]) -> Option<Figures> {
        let (first, last) = (
            units.iter().map(|unit| unit.at).min()?,
            units.iter().map(|unit| unit.at).max()?,
        );
        let span = (last - first).as_secs_f64();
        if span <= 0.0 {
            return None;
        }
        // The last picture lasts as long as the others, beyond the span.
        let fps = (units.len() - 1) as f64 / span;
        let bytes: usize = units.iter().map(|unit| unit.bytes).sum();
        let keys: Vec<usize> = (0..units.len()).filter(|i| units[*i].key).collect();
        let groups: Vec<&[Unit]> = keys
            .windows(2)
            .map(|pair| &units[pair[0]..pair[1]])
            .collect();
        let group = (!groups.is_empty()).then(|| {
            let (from, to) = (keys[0], keys[keys.len() - 1]);
            let count = groups.len() as f64;
            let time = units[to].at.saturating_sub(units[from].at);
            ((to - from) as f64 / count, time.div_f64(count))
        });
        Some(Figures {
            fps,
            group,
            bit_rate: bytes as f64 * 8.0 * fps / units.len() as f64,
            mode: mode(&groups),
        })
    }
}

/// By what whole groups take: within one, a key picture takes most of it either way.
fn mode(groups: &[&[Unit]]) -> RateMode {
    if groups.len() < 3 {
        return RateMode::Unknown;
    }
    let rates = groups.iter().map(|group| {
        let bytes: usize = group.iter().map(|unit| unit.bytes).sum();
        bytes as f64 / group.len() as f64
    });
    let rates: Vec<f64> = rates.collect();
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    let square = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / rates.len() as f64;
    match square.sqrt() < mean * STEADY {
        true => RateMode::Constant,
        false => RateMode::Variable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two seconds a group at 10 pictures a second; `bytes` of each picture of a group.
    fn groups(bytes: &[usize]) -> Vec<Unit> {
        let units = bytes.iter().enumerate().flat_map(|(group, bytes)| {
            (0..20).map(move |i| Unit {
                at: Duration::from_millis((group as u64 * 20 + i) * 100),
                key: i == 0,
                bytes: *bytes,
            })
        });
        units.collect()
    }

    #[test]
    fn rate_groups_and_bits_are_told() {
        let figures = Figures::of(&groups(&[1000, 1020, 980, 1000])).expect("enough");
        assert!((figures.fps - 10.0).abs() < 1e-9, "{figures:?}");
        assert_eq!(figures.group, Some((20.0, Duration::from_secs(2))));
        assert!((figures.bit_rate - 80_000.0).abs() < 1.0, "{figures:?}");
        assert_eq!(figures.mode, RateMode::Constant);
        let figures = Figures::of(&groups(&[1000, 2000, 500, 1000])).expect("enough");
        assert_eq!(figures.mode, RateMode::Variable);
    }

    #[test]
    fn what_was_too_short_says_so() {
        assert_eq!(Figures::of(&groups(&[1000])[..1]), None);
        let figures = Figures::of(&groups(&[1000])).expect("some");
        assert_eq!((figures.group, figures.mode), (None, RateMode::Unknown));
    }
}
