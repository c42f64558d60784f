//! Automatic exposure that hunts: it overshoots when something bright or dark comes, and swings back.
//!
//! A damped swing after every change of brightness, summed over the last seconds, so that any picture can be worked
//! out without those before it.

/// Seconds back that still move the exposure, and between two looks.
const BACK_S: f32 = 2.6;
const STEP_S: f32 = 0.2;
/// Seconds of one swing, and in which it falls to a third.
const SWING_S: f32 = 1.25;
const DECAY_S: f32 = 0.75;
/// Change of gain for a change of a whole picture's brightness, at full strength.
const STRENGTH: f32 = 2.2;

/// Gain at `time` seconds, 1 = right; `brightness` tells how much brighter (above nought) or darker the picture is than
/// the empty street at a time, parts of full brightness.
pub fn gain(hunting: f32, time: f32, brightness: &dyn Fn(f32) -> f32) -> f32 {
    if hunting <= 0.0 {
        return 1.0;
    }
    let steps = (BACK_S / STEP_S) as usize;
    let mut after = brightness(time);
    let mut swing = 0.0;
    for i in 0..steps {
        let age = i as f32 * STEP_S;
        let before = brightness(time - age - STEP_S);
        let phase = std::f32::consts::TAU * (age + 0.5 * STEP_S) / SWING_S;
        swing -= (after - before) * (-age / DECAY_S).exp() * phase.sin();
        after = before;
    }
    // It never quite rests.
    let breath = 0.02 * (time * 0.9).sin();
    (1.0 + hunting * (STRENGTH * swing + breath)).clamp(0.5, 1.7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_darkens_when_something_bright_comes_and_then_overshoots_the_other_way() {
        let came = |t: f32| if t >= 5.0 { 0.3 } else { 0.0 };
        let at = |t: f32| gain(1.0, t, &came);
        assert!((at(4.0) - 1.0).abs() < 0.03);
        let lowest = (0..10)
            .map(|i| at(5.0 + i as f32 * 0.1))
            .fold(9.0, f32::min);
        let highest = (5..20)
            .map(|i| at(5.0 + i as f32 * 0.1))
            .fold(0.0, f32::max);
        assert!(lowest < 0.8 && highest > 1.05, "{lowest} {highest}");
        assert!((at(12.0) - 1.0).abs() < 0.03);
        assert_eq!(gain(0.0, 5.3, &came), 1.0);
    }
}
