//! Where publishers have their files, and what stands in for them: mirrors with the same paths.

use std::collections::BTreeMap;

/// The environment variable with mirrors: `PUBLISHER=ADDRESS`, several with commas between them.
const VARIABLE: &str = "SAFECITY_MODEL_BASES";

/// Addresses that go before those of the catalogue, by publisher.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bases(BTreeMap<String, String>);

impl Bases {
    /// From words `PUBLISHER=ADDRESS`; a later one goes before an earlier one.
    ///
    /// # Errors
    /// A text that names the word.
    pub fn new<'w>(words: impl IntoIterator<Item = &'w str>) -> Result<Bases, String> {
        let mut bases = BTreeMap::new();
        for word in words {
            let (publisher, base) = word.split_once('=').ok_or_else(|| {
                format!("{word:?}: expected PUBLISHER=ADDRESS, as in zoo=https://mirror.example/")
            })?;
            check(base).map_err(|why| format!("{word:?}: {why}"))?;
            bases.insert(publisher.trim().to_owned(), base.trim().to_owned());
        }
        Ok(Bases(bases))
    }

    /// Those of the environment, then those of the command line.
    ///
    /// # Errors
    /// As [`Bases::new`].
    pub fn from_environment_and(words: &[String]) -> Result<Bases, String> {
        let variable = std::env::var(VARIABLE).unwrap_or_default();
        let set = variable.split(',').filter(|word| !word.trim().is_empty());
        Bases::new(set.chain(words.iter().map(String::as_str)))
    }

    /// The publishers that they are for.
    pub(super) fn publishers(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Where a publisher's files are.
    pub fn base<'b>(&'b self, publisher: &str, usual: &'b str) -> &'b str {
        self.0.get(publisher).map_or(usual, String::as_str)
    }
}

/// Whether something can be the beginning of addresses.
///
/// # Errors
/// What was expected.
pub(super) fn check(base: &str) -> Result<(), String> {
    let base = base.trim();
    let rest = base
        .strip_prefix("https://")
        .or_else(|| base.strip_prefix("http://"));
    match rest {
        Some(rest) if rest.contains('@') => {
            Err("an address with a login in it would be shown and logged".to_owned())
        }
        Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => Ok(()),
        _ => Err("expected an address that begins with https:// or http://".to_owned()),
    }
}

/// `base` and `path`, one slash between them.
pub(super) fn join(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_stands_in_for_its_publisher_only() {
        let bases = Bases::new(["zoo=https://a.example/x", "zoo=http://b.example"]).expect("good");
        assert_eq!(bases.base("zoo", "https://usual/"), "http://b.example");
        assert_eq!(bases.base("other", "https://usual/"), "https://usual/");
        assert_eq!(
            join("http://b.example/", "m/x.onnx"),
            "http://b.example/m/x.onnx"
        );
        for bad in [
            "zoo",
            "zoo=ftp://a",
            "zoo=https://me:secret@a/",
            "zoo=https://",
        ] {
            assert!(Bases::new([bad]).is_err(), "{bad}");
        }
    }
}
