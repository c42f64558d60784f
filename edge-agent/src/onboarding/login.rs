//! An address as somebody types it, and the login that may stand in it.

use std::{fmt, fs, path::Path};

use anyhow::{Context as _, bail};

use crate::config::settings::Secret;

/// User and password.
#[derive(Clone)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: Secret,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:***", self.user)
    }
}

impl Login {
    /// Of a user and the file with the password, if both are named.
    ///
    /// # Errors
    /// The file cannot be read, or only one of the two is named.
    pub(super) fn of(user: Option<&str>, file: Option<&Path>) -> anyhow::Result<Option<Login>> {
        match (user, file) {
            (None, None) => Ok(None),
            (Some(user), Some(file)) => {
                let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
                let password = text.lines().next().unwrap_or_default().to_owned();
                Ok(Some(Login {
                    user: user.to_owned(),
                    password: Secret::new(password),
                }))
            }
            _ => bail!("--user and --password-file belong together"),
        }
    }
}

/// An address without its login, and the login that stood in it (RFC 3986, percent signs and all).
pub(super) fn taken_apart(url: &str) -> (String, Option<Login>) {
    let Some((scheme, rest)) = url.split_once("://") else {
        return (url.to_owned(), None);
    };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // A password may hold an @ that nobody wrote as %40: the last one ends it.
    let Some((login, host)) = authority.rsplit_once('@') else {
        return (url.to_owned(), None);
    };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let login = Login {
        user: unescaped(user),
        password: Secret::new(unescaped(password)),
    };
    (format!("{scheme}://{host}{path}"), Some(login))
}

fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = hex.and_then(|two| u8::from_str_radix(two, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (other, _) => {
                bytes.push(*other);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_taken_out_of_an_address_and_is_not_shown() {
        let of = |url| {
            let (url, login) = taken_apart(url);
            let login = login.map(|l| (l.user, l.password.reveal().to_owned()));
            let login = login.unwrap_or_default();
            format!("{url} {} {}", login.0, login.1)
        };
        assert_eq!(of("rtsp://h:554/a"), "rtsp://h:554/a  ");
        assert_eq!(of("rtsp://u:p@h/a@b"), "rtsp://h/a@b u p");
        assert_eq!(of("rtsp://u:p%40ss%2@w:d@h"), "rtsp://h u p@ss%2@w:d");
        let (_, login) = taken_apart("rtsp://u:secret@h/");
        assert_eq!(format!("{login:?}"), "Some(u:***)");
    }
}
