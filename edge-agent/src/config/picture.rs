//! What rules are told that watch the picture itself: one description, for cameras and for evaluation cases.

use analytics::{picture::Tampering, rule::RuleSpec};

use super::camera::unknown;

/// The kind of tampering of this name.
///
/// # Errors
/// A text with the names there are.
pub(crate) fn named(name: &str) -> Result<Tampering, String> {
    let kind = Tampering::ALL
        .into_iter()
        .find(|kind| kind.as_str() == name);
    kind.ok_or_else(|| {
        unknown(
            "kind of tampering",
            name,
            &Tampering::ALL.map(Tampering::as_str),
        )
    })
}

/// Tells a `tamper` rule what to watch for; nothing given: everything. Others have no such key.
pub(crate) fn set_detect(rule: &mut RuleSpec, given: Vec<Tampering>) {
    if let RuleSpec::Tamper { detect } = rule
        && !given.is_empty()
    {
        *detect = given;
    }
}
