//! Two configurations on the same pictures: which alarms only one of them raises.

use std::{collections::BTreeMap, fmt};

use super::events::Alarm;

/// Alarms of the same rule that are no farther apart are the same.
const SAME: f64 = 1.5;

/// What differs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Difference {
    /// Alarms of the first configuration alone.
    pub(super) gone: Vec<Alarm>,
    /// Alarms of the second configuration alone.
    pub(super) new: Vec<Alarm>,
    /// Those that both raise.
    pub(super) same: usize,
}

impl Difference {
    /// Pairs the alarms of each rule in the order of their time.
    pub(super) fn between(first: &[Alarm], second: &[Alarm]) -> Difference {
        let mut difference = Difference::default();
        let mut free: Vec<&Alarm> = second.iter().collect();
        for alarm in first {
            let near = |other: &&Alarm| {
                other.rule == alarm.rule && (other.at_s - alarm.at_s).abs() <= SAME
            };
            match free.iter().position(near) {
                Some(place) => {
                    free.remove(place);
                    difference.same += 1;
                }
                None => difference.gone.push(alarm.clone()),
            }
        }
        difference.new = free.into_iter().cloned().collect();
        difference
    }

    pub(super) fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.new.is_empty()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { gone, new, same } = self;
        if self.is_empty() {
            return writeln!(f, "no difference: both raise the same {same} alarms");
        }
        let mut lines: Vec<(f64, char, &str)> = Vec::new();
        lines.extend(
            gone.iter()
                .map(|alarm| (alarm.at_s, '-', alarm.rule.as_str())),
        );
        lines.extend(
            new.iter()
                .map(|alarm| (alarm.at_s, '+', alarm.rule.as_str())),
        );
        lines.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut rules: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (at_s, sign, rule) in lines {
            writeln!(f, "{sign} {at_s:>10.2} s  {rule}")?;
            let counts = rules.entry(rule).or_default();
            match sign {
                '-' => counts.0 += 1,
                _ => counts.1 += 1,
            }
        }
        for (rule, (gone, new)) in rules {
            writeln!(f, "{rule}: {gone} alarms gone, {new} new")?;
        }
        writeln!(f, "{same} alarms are the same")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alarms(of: &[(&str, f64)]) -> Vec<Alarm> {
        let alarms = of.iter().map(|(rule, at_s)| Alarm {
            rule: (*rule).to_owned(),
            at_s: *at_s,
        });
        alarms.collect()
    }

    #[test]
    fn alarms_of_one_configuration_alone_are_told() {
        let first = alarms(&[("in", 1.0), ("in", 9.0), ("out", 4.0)]);
        assert!(Difference::between(&first, &first).is_empty());
        let second = alarms(&[("in", 1.4), ("out", 9.0), ("in", 20.0)]);
        insta::assert_snapshot!(Difference::between(&first, &second), @"
        -       4.00 s  out
        -       9.00 s  in
        +       9.00 s  out
        +      20.00 s  in
        in: 1 alarms gone, 1 new
        out: 1 alarms gone, 1 new
        1 alarms are the same
        ");
    }

    #[test]
    fn one_alarm_stands_for_one_other_only() {
        let difference = Difference::between(
            &alarms(&[("in", 1.0)]),
            &alarms(&[("in", 1.0), ("in", 1.2)]),
        );
        assert_eq!((difference.same, difference.new.len()), (1, 1));
    }
}
