//! Secrets: named by file or environment variable, never typed into the configuration, never shown.

use std::{fs, io, os::unix::fs::PermissionsExt, path::Path};

use super::settings::Secret;

/// A password is a line, not a document.
const MAX_BYTES: u64 = 4096;

/// Reads the secret in the file at `path`: its first line.
///
/// # Errors
/// Says why the file cannot be used and what to do. Never holds any of its text.
pub(crate) fn from_file(path: &Path) -> Result<Secret, String> {
    let shown = path.display();
    let unreadable = |e: io::Error| format!("credential file {shown}: {e}");
    let meta = fs::metadata(path).map_err(unreadable)?;
    if !meta.is_file() {
        return Err(format!("credential file {shown} is not a plain file"));
    }
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o027 != 0 {
        return Err(format!(
            "credential file {shown} is open to others (mode {mode:04o}): run chmod 600 {shown}"
        ));
    }
    if meta.len() > MAX_BYTES {
        return Err(format!(
            "credential file {shown} has {} bytes, at most {MAX_BYTES} are allowed",
            meta.len()
        ));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret::new(line.to_owned())),
        _ => Err(format!("credential file {shown} has an empty first line")),
    }
}

/// Reads the secret in the environment variable `name` as `environment` gives it.
///
/// # Errors
/// If it is not set or empty.
pub(crate) fn from_env(
    name: &str,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Secret, String> {
    match environment(name) {
        Some(value) if !value.is_empty() => Ok(Secret::new(value)),
        Some(_) => Err(format!("environment variable {name} is empty")),
        None => Err(format!("environment variable {name} is not set")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn first_line_of_a_private_file_is_the_secret() {
        let file = file("hunter2\nrest\n", 0o600);
        assert_eq!(from_file(file.path()).unwrap().reveal(), "hunter2");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_without_its_text() {
        let why = from_file(file("hunter2", 0o644).path()).unwrap_err();
        assert!(
            why.contains("mode 0644") && why.contains("chmod 600"),
            "{why}"
        );
        assert!(!why.contains("hunter2"), "{why}");
    }

    #[test]
    fn an_empty_secret_is_refused() {
        assert!(from_file(file("\n", 0o600).path()).is_err());
        assert!(from_env("X", &|_| Some(String::new())).is_err());
        assert!(from_env("X", &|_| None).is_err());
    }
}
