//! Which licences bind who uses a model. They are not bad licences: but nobody should take one on without knowing.

/// What a licence asks of who uses the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Source code of what is built on it must be given away (GPL, AGPL and others).
    ShareAlike,
    /// No commercial use, no changes, or no use at all in some fields.
    Restricted,
    /// Nobody here knows it.
    Unknown,
}

impl Binding {
    /// What it means, after "the licence".
    pub fn meaning(self) -> &'static str {
        match self {
            Binding::ShareAlike => {
                "asks that what is built on the model is given away under the same licence, to users of a network \
                 service too where it is an AGPL"
            }
            Binding::Restricted => "forbids some uses: commercial ones, changes, or others",
            Binding::Unknown => "is not known to this agent, so read it first",
        }
    }
}

/// Licences that ask for no more than that their text and names are kept (SPDX).
const FREE: [&str; 14] = [
    "Apache-2.0",
    "MIT",
    "MIT-0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "BSL-1.0",
    "Unlicense",
    "CC0-1.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CDLA-Permissive-1.0",
    "CDLA-Permissive-2.0",
];

/// Beginnings of share-alike licences.
const SHARE_ALIKE: [&str; 8] = [
    "AGPL-",
    "GPL-",
    "LGPL-",
    "SSPL-",
    "EUPL-",
    "OSL-",
    "MPL-",
    "CC-BY-SA-",
];

/// Beginnings of licences that forbid some uses.
const RESTRICTED: [&str; 4] = ["CC-BY-NC-", "CC-BY-ND-", "OpenRAIL", "BUSL-"];

/// How an SPDX expression binds; `None`: no more than keeping its text and names. A choice (`OR`) binds as its freest
/// part, a sum (`AND`, or brackets) as the first part that binds.
pub fn binds(licence: &str) -> Option<Binding> {
    let of = |text: &str| {
        let text = text.trim();
        let one = text.split(" WITH ").next().unwrap_or(text);
        one_binds(one)
    };
    if licence.contains(['(', ')']) {
        let words = licence
            .split(['(', ')', ' '])
            .filter(|word| !word.is_empty() && !["AND", "OR", "WITH"].iter().any(|w| word == w));
        return words.map(of).find(Option::is_some).flatten();
    }
    let choices = licence.split(" OR ").map(|choice| {
        let parts = choice.split(" AND ").map(of);
        parts.fold(None, |found: Option<Binding>, part| found.or(part))
    });
    choices
        .reduce(|a, b| a.and_then(|binding| b.map(|_| binding)))
        .flatten()
}

fn one_binds(licence: &str) -> Option<Binding> {
    let begins = |with: &str| {
        (licence.get(..with.len())).is_some_and(|start| start.eq_ignore_ascii_case(with))
    };
    if FREE.iter().any(|free| licence.eq_ignore_ascii_case(free)) {
        None
    } else if SHARE_ALIKE.iter().any(|l| begins(l)) {
        Some(Binding::ShareAlike)
    } else if RESTRICTED.iter().any(|l| begins(l)) {
        Some(Binding::Restricted)
    } else {
        Some(Binding::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_licences_that_ask_for_no_more_than_their_text_are_free() {
        for free in [
            "Apache-2.0",
            "mit",
            "CC-BY-4.0",
            "Apache-2.0 OR AGPL-3.0",
            "MIT AND ISC",
        ] {
            assert_eq!(binds(free), None, "{free}");
        }
        for (licence, binding) in [
            ("AGPL-3.0", Binding::ShareAlike),
            ("AGPL-3.0-only", Binding::ShareAlike),
            ("GPL-3.0-or-later", Binding::ShareAlike),
            ("CC-BY-NC-4.0", Binding::Restricted),
            ("CC-BY-NC-SA-4.0", Binding::Restricted),
            ("MIT AND GPL-2.0", Binding::ShareAlike),
            ("(MIT OR ISC) AND GPL-2.0", Binding::ShareAlike),
            ("GPL-2.0 OR CC-BY-NC-4.0", Binding::ShareAlike),
            ("unknown", Binding::Unknown),
            ("proprietary", Binding::Unknown),
            ("", Binding::Unknown),
        ] {
            assert_eq!(binds(licence), Some(binding), "{licence}");
        }
    }
}
