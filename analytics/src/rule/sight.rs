//! What rules need to know of the picture itself, and which of the model's classes are things to them.

use std::time::Duration;

use super::{RuleKind, RuleSettings, RuleSpec};
use crate::{detection::ClassId, picture::Wanted};

/// Things are remembered for so much longer than rules wait.
const REMEMBERED: Duration = Duration::from_secs(120);

/// Labels of things, where a rule names none.
const BAGS: [&str; 4] = ["bag", "backpack", "handbag", "suitcase"];

/// What these rules need to know of the picture.
pub(crate) fn wanted(rules: &[RuleSettings]) -> Wanted {
    let waits = |rule: &RuleSettings| match &rule.rule {
        RuleSpec::AbandonedObject { min_duration, .. }
        | RuleSpec::RemovedObject { min_duration, .. } => Some(*min_duration + REMEMBERED),
        _ => None,
    };
    let tampers = |rule: &RuleSettings| rule.rule.kind() == RuleKind::Tamper;
    Wanted {
        tampering: rules.iter().any(tampers),
        things: rules.iter().filter_map(waits).max(),
    }
}

/// Whether the rule is one of things, which need be of no class.
pub(crate) fn is_of_things(rule: &RuleSettings) -> bool {
    let kind = rule.rule.kind();
    kind == RuleKind::AbandonedObject || kind == RuleKind::RemovedObject
}

/// Classes whose objects are things: those that the rule names, and bags.
pub(crate) fn classes_of_things(
    rule: &RuleSettings,
    class_of: impl Fn(&str) -> Option<ClassId>,
) -> Vec<ClassId> {
    let named = rule.classes.iter().map(String::as_str);
    named.chain(BAGS).filter_map(class_of).collect()
}

/// Whether its things are such as people carry.
pub(crate) fn is_carried(rule: &RuleSettings) -> bool {
    rule.classes
        .iter()
        .all(|name| BAGS.contains(&name.as_str()))
}
