//! Who is signed in: sessions, known by the hashes of their tokens.

use protocol::Utc;
use rusqlite::{OptionalExtension, params};

use super::{Store, StoreError, audit::Deed, micros, people::grants};
use crate::role::Grants;

/// A user who is signed in.
#[derive(Clone, Debug)]
pub struct Session {
    /// Name of the user.
    pub user: String,
    /// What the user may, now.
    pub grants: Grants,
    /// Signing in needs a one-time code, too.
    pub totp: bool,
}

impl Store {
    /// Begins a session of `user`, known by the hash of its token. `step` is the one that a one-time code stood for: no code
    /// of it or of an earlier one is taken again. `false` if it was.
    ///
    /// # Errors
    /// [`StoreError::NoSuchUser`], or if the database fails.
    pub async fn begin_session(
        &self,
        user: String,
        step: Option<u64>,
        token_hash: [u8; 32],
        now: Utc,
        expires: Utc,
    ) -> Result<bool, StoreError> {
        let deed = Deed::new(&user, "signed_in", &user);
        self.audited(deed, now, move |tx| {
            tx.execute("DELETE FROM session WHERE expires_us <= ?1", [micros(now)])?;
            if let Some(step) = step {
                let fresh = tx.execute(
                    "UPDATE user SET totp_step = ?2 WHERE name = ?1 AND coalesce(totp_step, -1) < ?2",
                    params![user, step.cast_signed()],
                )?;
                if fresh == 0 {
                    return Ok(false);
                }
            }
            let added = tx.execute(
                "INSERT INTO session (token_hash, user_id, expires_us, begun_us)
                 SELECT ?1, id, ?3, ?4 FROM user WHERE name = ?2 AND disabled_us IS NULL",
                params![token_hash, user, micros(expires), micros(now)],
            )?;
            if added == 0 {
                return Err(StoreError::NoSuchUser(user));
            }
            Ok(true)
        })
        .await
    }

    /// The session of that token, if it has not ended.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn session(
        &self,
        token_hash: [u8; 32],
        now: Utc,
    ) -> Result<Option<Session>, StoreError> {
        self.read(move |connection| {
            let found: Option<(i64, String, bool)> = connection
                .prepare_cached(
                    "SELECT user.id, user.name, user.totp IS NOT NULL
                     FROM session JOIN user ON user.id = session.user_id
                     WHERE token_hash = ?1 AND expires_us > ?2 AND disabled_us IS NULL",
                )?
                .query_row(params![token_hash, micros(now)], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()?;
            let session = found.map(|(id, user, totp)| {
                let grants = grants(connection, id)?;
                Ok::<_, StoreError>(Session { user, grants, totp })
            });
            session.transpose()
        })
        .await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn end_session(
        &self,
        token_hash: [u8; 32],
        user: String,
        now: Utc,
    ) -> Result<(), StoreError> {
        let deed = Deed::new(&user, "signed_out", &user);
        self.audited(deed, now, move |tx| {
            tx.execute("DELETE FROM session WHERE token_hash = ?1", [token_hash])?;
            Ok(true)
        })
        .await
        .map(drop)
    }
}
