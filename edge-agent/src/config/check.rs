//! A check under way: where it notes problems, and the checks that many keys share.

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use protocol::Name;

use super::{
    problem::{At, Place, Problem},
    reader::Field,
    secret,
    settings::Secret,
};

/// Looks up an environment variable.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// A check under way.
pub(super) struct Check<'e> {
    /// Relative paths begin here.
    pub(super) dir: &'e Path,
    pub(super) environment: Environment<'e>,
    pub(super) problems: Vec<Problem>,
}

/// User and password, once they were read.
pub(super) type Login = Option<(String, Secret)>;

impl Check<'_> {
    /// Checks that user and password come together, and reads the password. `Err`: it cannot be read.
    pub(super) fn login(
        &mut self,
        table: &Place,
        user: &Field<String>,
        file: &Field<PathBuf>,
        env: &Field<String>,
    ) -> Result<Login, Problem> {
        if let (Some(_), Some(env)) = (file.given(), env.given()) {
            self.problems
                .push(env.problem("contradicts password_file: leave one of the two out"));
            return Ok(None);
        }
        let password = match (file.given(), env.given()) {
            (Some(file), _) => Some((secret::from_file(&self.path(&file.value)), &file.place)),
            (None, Some(env)) => Some((secret::from_env(&env.value, self.environment), &env.place)),
            (None, None) => None,
        };
        match (user.given(), password) {
            (Some(user), Some((Ok(password), _))) => Ok(Some((user.value.clone(), password))),
            (_, Some((Err(why), place))) => Err(place.problem(why)),
            (Some(user), None) => {
                if file.is_absent() && env.is_absent() {
                    self.problems
                        .push(user.problem("needs password_file or password_env beside it"));
                }
                Ok(None)
            }
            (None, Some(_)) => {
                self.problems.push(
                    table
                        .of_key("user")
                        .problem("is missing beside the password"),
                );
                Ok(None)
            }
            (None, None) => Ok(None),
        }
    }

    /// `path` seen from the configuration's folder.
    pub(super) fn path(&self, path: &Path) -> PathBuf {
        self.dir.join(path)
    }

    /// The path of a file, after a note if it cannot be opened.
    pub(super) fn readable(&mut self, at: &At<PathBuf>) -> PathBuf {
        let path = self.path(&at.value);
        if let Err(e) = fs::File::open(&path) {
            self.problems
                .push(at.problem(format!("{}: {e}", path.display())));
        }
        path
    }

    pub(super) fn refuse<T, U>(&mut self, at: &At<T>, text: impl Into<String>) -> Option<U> {
        self.problems.push(at.problem(text));
        None
    }

    /// A name that may stand in a topic.
    pub(super) fn name(&mut self, at: &At<String>) -> Option<Name> {
        match at.value.parse() {
            Ok(name) => Some(name),
            Err(why) => self.refuse(at, format!("{:?} {why}", at.value)),
        }
    }

    /// Notes each of `ids` that stood before.
    pub(super) fn unique<'a>(&mut self, what: &str, ids: impl Iterator<Item = &'a At<String>>) {
        let mut seen: BTreeMap<&str, &Place> = BTreeMap::new();
        for id in ids {
            match seen.get(id.value.as_str()) {
                Some(first) => self.problems.push(id.problem(format!(
                    "{what} {:?} stands already at {}:{}",
                    id.value,
                    first.file.display(),
                    first.line
                ))),
                None => {
                    seen.insert(&id.value, &id.place);
                }
            }
        }
    }

    pub(super) fn number<T: PartialOrd + Copy + Display>(
        &mut self,
        field: &Field<T>,
        allowed: RangeInclusive<T>,
        default: T,
    ) -> T {
        match field.given() {
            Some(at) if !allowed.contains(&at.value) => {
                let (value, least, most) = (at.value, allowed.start(), allowed.end());
                let text = format!("{value} is outside {least} to {most}");
                self.refuse(at, text).unwrap_or(default)
            }
            Some(at) => at.value,
            None => default,
        }
    }

    /// A duration of `least_s` to `most_s` seconds.
    pub(super) fn duration(
        &mut self,
        field: &Field<Duration>,
        least_s: u64,
        most_s: u64,
        default: Duration,
    ) -> Duration {
        let allowed = Duration::from_secs(least_s)..=Duration::from_secs(most_s);
        match field.given() {
            Some(at) if !allowed.contains(&at.value) => {
                let text = format!("{:?} is outside {least_s}s to {most_s}s", at.value);
                self.refuse(at, text).unwrap_or(default)
            }
            Some(at) => at.value,
            None => default,
        }
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}
