//! Users, their sessions, and the audit of what they did. Only hashes of passwords and tokens are kept.

use protocol::Utc;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use uuid::Uuid;

use super::{Store, StoreError, micros, record::changed};

/// A user and the hash of the password.
#[derive(Clone, Debug)]
pub struct Account {
    /// Number of the user.
    pub id: i64,
    /// Hash of the password in PHC format.
    pub password_hash: String,
}

/// A user who is signed in.
#[derive(Clone, Debug)]
pub struct Session {
    /// Name of the user.
    pub user: String,
}

impl Store {
    /// Is there any user.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn has_users(&self) -> Result<bool, StoreError> {
        self.read(|connection| Ok(connection.prepare("SELECT 1 FROM user")?.exists([])?))
            .await
    }

    /// Makes the first user; `false` if there is one already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn add_first_user(
        &self,
        name: String,
        password_hash: String,
        now: Utc,
    ) -> Result<bool, StoreError> {
        let deed = Deed::new(&name, "first_admin", &name);
        self.audited(deed, now, move |tx| {
            if tx.prepare("SELECT 1 FROM user")?.exists([])? {
                return Ok(false);
            }
            add_user(tx, &name, &password_hash, now)?;
            Ok(true)
        })
        .await
    }

    /// Makes a user, on the word of `by`.
    ///
    /// # Errors
    /// [`StoreError::UserExists`], or if the database fails.
    pub async fn add_user(
        &self,
        by: String,
        name: String,
        password_hash: String,
        now: Utc,
    ) -> Result<(), StoreError> {
        let deed = Deed::new(&by, "user_added", &name);
        self.audited(deed, now, move |tx| {
            add_user(tx, &name, &password_hash, now)?;
            Ok(true)
        })
        .await
        .map(drop)
    }

    /// Gives a user another password and ends all sessions of that user, on the word of `by`.
    ///
    /// # Errors
    /// [`StoreError::NoSuchUser`], or if the database fails.
    pub async fn reset_password(
        &self,
        by: String,
        name: String,
        password_hash: String,
        now: Utc,
    ) -> Result<(), StoreError> {
        let deed = Deed::new(&by, "password_reset", &name);
        self.audited(deed, now, move |tx| {
            let id: Option<i64> = tx
                .query_row(
                    "UPDATE user SET password_hash = ?2 WHERE name = ?1 RETURNING id",
                    [&name, &password_hash],
                    |row| row.get(0),
                )
                .optional()?;
            let Some(id) = id else {
                return Err(StoreError::NoSuchUser(name));
            };
            tx.execute("DELETE FROM session WHERE user_id = ?1", [id])?;
            Ok(true)
        })
        .await
        .map(drop)
    }

    /// The account of that name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn account(&self, name: String) -> Result<Option<Account>, StoreError> {
        self.read(move |connection| {
            let account = connection
                .prepare_cached("SELECT id, password_hash FROM user WHERE name = ?1")?
                .query_row([name], |row| {
                    Ok(Account {
                        id: row.get(0)?,
                        password_hash: row.get(1)?,
                    })
                })
                .optional()?;
            Ok(account)
        })
        .await
    }

    /// Begins a session of `user`, known by the hash of its token.
    ///
    /// # Errors
    /// [`StoreError::NoSuchUser`], or if the database fails.
    pub async fn begin_session(
        &self,
        user: String,
        token_hash: [u8; 32],
        now: Utc,
        expires: Utc,
    ) -> Result<(), StoreError> {
        let deed = Deed::new(&user, "signed_in", &user);
        self.audited(deed, now, move |tx| {
            tx.execute("DELETE FROM session WHERE expires_us <= ?1", [micros(now)])?;
            let added = tx.execute(
                "INSERT INTO session SELECT ?1, id, ?3 FROM user WHERE name = ?2",
                params![token_hash, user, micros(expires)],
            )?;
            if added == 0 {
                return Err(StoreError::NoSuchUser(user));
            }
            Ok(true)
        })
        .await
        .map(drop)
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
            let session = connection
                .prepare_cached(
                    "SELECT user.name FROM session JOIN user ON user.id = session.user_id
                     WHERE token_hash = ?1 AND expires_us > ?2",
                )?
                .query_row(params![token_hash, micros(now)], |row| {
                    Ok(Session { user: row.get(0)? })
                })
                .optional()?;
            Ok(session)
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

    /// Acknowledges an incident: the first who does takes it on, a later one is noted in the audit only.
    /// `false` if there is no such incident.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn acknowledge(
        &self,
        incident: Uuid,
        user: String,
        note: Option<String>,
        now: Utc,
    ) -> Result<bool, StoreError> {
        let id = incident.to_string();
        let deed = Deed {
            note,
            ..Deed::new(&user, "acknowledged", &id)
        };
        self.audited(deed, now, move |tx| {
            let known = tx.execute(
                "UPDATE incident SET acknowledged_by = coalesce(acknowledged_by, ?2),
                   acknowledged_us = coalesce(acknowledged_us, ?3) WHERE id = ?1",
                params![id, user, micros(now)],
            )?;
            if known == 0 {
                return Ok(false);
            }
            changed(tx, "incident", &id)?;
            Ok(true)
        })
        .await
    }

    /// Changes something together with its entry in the audit, both or neither. Where `change` says that there was
    /// nothing to do (`false`), there is no entry either.
    pub(super) async fn audited(
        &self,
        deed: Deed,
        now: Utc,
        change: impl FnOnce(&Transaction<'_>) -> Result<bool, StoreError> + Send + 'static,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = change(&tx)?;
            if done {
                deed.audit(&tx, now)?;
                tx.commit()?;
            }
            Ok(done)
        })
        .await
    }
}

/// What somebody did.
pub(super) struct Deed {
    pub(super) user: String,
    pub(super) action: &'static str,
    pub(super) subject: String,
    pub(super) note: Option<String>,
}

impl Deed {
    pub(super) fn new(user: &str, action: &'static str, subject: &str) -> Deed {
        Deed {
            user: user.to_owned(),
            action,
            subject: subject.to_owned(),
            note: None,
        }
    }

    fn audit(&self, connection: &Connection, now: Utc) -> Result<(), StoreError> {
        connection
            .prepare_cached(
                "INSERT INTO audit (at_us, user, action, subject, note) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![micros(now), self.user, self.action, self.subject, self.note])?;
        Ok(())
    }
}

fn add_user(
    connection: &Connection,
    name: &str,
    password_hash: &str,
    now: Utc,
) -> Result<(), StoreError> {
    let added = connection.execute(
        "INSERT OR IGNORE INTO user (name, password_hash, created_us) VALUES (?1, ?2, ?3)",
        params![name, password_hash, micros(now)],
    )?;
    match added {
        0 => Err(StoreError::UserExists(name.to_owned())),
        _ => Ok(()),
    }
}
