//! Users, their sessions, and the audit of what they did. Only hashes of passwords and tokens are kept.

use protocol::Utc;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
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
        self.write(move |connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if tx.prepare("SELECT 1 FROM user")?.exists([])? {
                return Ok(false);
            }
            add_user(&tx, &name, &password_hash, now)?;
            audit(&tx, &name, "first_admin", &name, None, now)?;
            tx.commit()?;
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
        self.write(move |connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            add_user(&tx, &name, &password_hash, now)?;
            audit(&tx, &by, "user_added", &name, None, now)?;
            tx.commit()?;
            Ok(())
        })
        .await
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
        self.write(move |connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
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
            audit(&tx, &by, "password_reset", &name, None, now)?;
            tx.commit()?;
            Ok(())
        })
        .await
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
        self.write(move |connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            tx.execute("DELETE FROM session WHERE expires_us <= ?1", [micros(now)])?;
            let added = tx.execute(
                "INSERT INTO session SELECT ?1, id, ?3 FROM user WHERE name = ?2",
                params![token_hash, user, micros(expires)],
            )?;
            if added == 0 {
                return Err(StoreError::NoSuchUser(user));
            }
            audit(&tx, &user, "signed_in", &user, None, now)?;
            tx.commit()?;
            Ok(())
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
        self.write(move |connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            tx.execute("DELETE FROM session WHERE token_hash = ?1", [token_hash])?;
            audit(&tx, &user, "signed_out", &user, None, now)?;
            tx.commit()?;
            Ok(())
        })
        .await
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
        self.write(move |connection| {
            let id = incident.to_string();
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let known = tx.execute(
                "UPDATE incident SET acknowledged_by = coalesce(acknowledged_by, ?2),
                   acknowledged_us = coalesce(acknowledged_us, ?3) WHERE id = ?1",
                params![id, user, micros(now)],
            )?;
            if known == 0 {
                return Ok(false);
            }
            audit(&tx, &user, "acknowledged", &id, note.as_deref(), now)?;
            changed(&tx, "incident", &id)?;
            tx.commit()?;
            Ok(true)
        })
        .await
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

fn audit(
    connection: &Connection,
    user: &str,
    action: &str,
    subject: &str,
    note: Option<&str>,
    now: Utc,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO audit (at_us, user, action, subject, note) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![micros(now), user, action, subject, note])?;
    Ok(())
}
