//! Why a scene is refused: every mistake in it, by name.

use thiserror::Error;

use crate::rule::RuleIndex;

/// Why a scene is refused.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SceneError {
    /// A rule names a zone that the scene has not.
    #[error("rule {id:?} names the zone {zone:?}; the scene has {known}")]
    UnknownZone {
        /// The rule.
        rule: RuleIndex,
        /// Its name.
        id: String,
        /// The zone it names.
        zone: String,
        /// The scene's zones.
        known: String,
    },
    /// A rule names a line that the scene has not.
    #[error("rule {id:?} names the line {line:?}; the scene has {known}")]
    UnknownLine {
        /// The rule.
        rule: RuleIndex,
        /// Its name.
        id: String,
        /// The line it names.
        line: String,
        /// The scene's lines.
        known: String,
    },
    /// A rule names a class that the model has not.
    #[error(
        "rule {id:?} names the class {class:?}, which the model does not know; it knows {known}"
    )]
    UnknownClass {
        /// The rule.
        rule: RuleIndex,
        /// Its name.
        id: String,
        /// The class it names.
        class: String,
        /// The model's labels.
        known: String,
    },
    /// Two zones, lines or rules of one name.
    #[error("two {what} are named {name:?}: every name may be used once")]
    Duplicate {
        /// "zones", "lines" or "rules".
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A rule's own settings make no sense.
    #[error("rule {id:?}: {problem}")]
    Rule {
        /// The rule.
        rule: RuleIndex,
        /// Its name.
        id: String,
        /// What is wrong.
        problem: String,
    },
}
