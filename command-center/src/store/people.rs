//! Users and what they were granted. Only hashes of passwords are kept; secrets of one-time codes as they are.

use protocol::Utc;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::{Store, StoreError, audit::Deed, micros, read::collect, time};
use crate::{
    role::{Grant, Grants, Right, Role},
    view::UserView,
};

/// A user, and what signing in takes.
#[derive(Clone, Debug)]
pub struct Account {
    /// Hash of the password in PHC format.
    pub password_hash: String,
    /// Secret of one-time codes, if they are needed, too.
    pub totp: Option<String>,
    /// Secret that an authenticator has been shown, and of which no code was given back yet.
    pub totp_offered: Option<String>,
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

    /// Makes the first user, an administrator; `false` if there is a user already.
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
            let grants = [Grant::everywhere(Role::Administrator)];
            add_user(tx, &name, &password_hash, &grants, now)?;
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
        granted: Vec<Grant>,
        now: Utc,
    ) -> Result<(), StoreError> {
        let deed = Deed {
            note: Some(written(&granted)),
            ..Deed::new(&by, "user_added", &name)
        };
        self.audited(deed, now, move |tx| {
            add_user(tx, &name, &password_hash, &granted, now)?;
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
        self.changed_user(deed, name, now, move |tx, id| {
            tx.execute(
                "UPDATE user SET password_hash = ?2 WHERE id = ?1",
                params![id, password_hash],
            )?;
            end_sessions(tx, id)
        })
        .await
    }

    /// Grants a user this and nothing else, on the word of `by`. It counts from the user's next request on.
    ///
    /// # Errors
    /// [`StoreError::NoSuchUser`], [`StoreError::LastAdministrator`], or if the database fails.
    pub async fn grant(
        &self,
        by: String,
        name: String,
        granted: Vec<Grant>,
        now: Utc,
    ) -> Result<(), StoreError> {
        let deed = Deed {
            note: Some(written(&granted)),
            ..Deed::new(&by, "granted", &name)
        };
        self.changed_user(deed, name, now, move |tx, id| {
            tx.execute("DELETE FROM user_grant WHERE user_id = ?1", [id])?;
            add_grants(tx, id, &granted)
        })
        .await
    }

    /// Lets a user sign in no more, and ends all sessions of that user; or lets the user in again. On the word of `by`.
    ///
    /// # Errors
    /// [`StoreError::NoSuchUser`], [`StoreError::LastAdministrator`], or if the database fails.
    pub async fn disable(
        &self,
        by: String,
        name: String,
        disabled: bool,
        now: Utc,
    ) -> Result<(), StoreError> {
        let action = if disabled {
            "user_disabled"
        } else {
            "user_enabled"
        };
        let deed = Deed::new(&by, action, &name);
        self.changed_user(deed, name, now, move |tx, id| {
            let at = disabled.then(|| micros(now));
            tx.execute(
                "UPDATE user SET disabled_us = ?2 WHERE id = ?1",
                params![id, at],
            )?;
            end_sessions(tx, id)
        })
        .await
    }

    /// Keeps a secret that an authenticator is shown; it counts once [`Store::confirm_totp`] says so.
    ///
    /// # Errors
    /// [`StoreError::NoSuchUser`], or if the database fails.
    pub async fn offer_totp(
        &self,
        name: String,
        secret: String,
        now: Utc,
    ) -> Result<(), StoreError> {
        let deed = Deed::new(&name, "totp_offered", &name);
        self.changed_user(deed, name, now, move |tx, id| {
            tx.execute(
                "UPDATE user SET totp_offered = ?2 WHERE id = ?1",
                params![id, secret],
            )?;
            Ok(())
        })
        .await
    }

    /// From now on signing in needs a code of the secret that was offered; `step` is the one of the code that was given back.
    ///
    /// # Errors
    /// [`StoreError::NoSuchUser`], or if the database fails.
    pub async fn confirm_totp(&self, name: String, step: u64, now: Utc) -> Result<(), StoreError> {
        let deed = Deed::new(&name, "totp_on", &name);
        self.changed_user(deed, name, now, move |tx, id| {
            tx.execute(
                "UPDATE user SET totp = totp_offered, totp_offered = NULL, totp_step = ?2
                 WHERE id = ?1 AND totp_offered IS NOT NULL",
                params![id, step.cast_signed()],
            )?;
            Ok(())
        })
        .await
    }

    /// Signing in needs no code any more, on the word of `by`; all sessions of the user end.
    ///
    /// # Errors
    /// [`StoreError::NoSuchUser`], or if the database fails.
    pub async fn remove_totp(&self, by: String, name: String, now: Utc) -> Result<(), StoreError> {
        let deed = Deed::new(&by, "totp_off", &name);
        self.changed_user(deed, name, now, move |tx, id| {
            tx.execute(
                "UPDATE user SET totp = NULL, totp_offered = NULL, totp_step = NULL WHERE id = ?1",
                [id],
            )?;
            end_sessions(tx, id)
        })
        .await
    }

    /// The account of that name, if that user may sign in.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn account(&self, name: String) -> Result<Option<Account>, StoreError> {
        self.read(move |connection| {
            let account = connection
                .prepare_cached(
                    "SELECT password_hash, totp, totp_offered FROM user WHERE name = ?1 AND disabled_us IS NULL",
                )?
                .query_row([name], |row| {
                    Ok(Account {
                        password_hash: row.get(0)?,
                        totp: row.get(1)?,
                        totp_offered: row.get(2)?,
                    })
                })
                .optional()?;
            Ok(account)
        })
        .await
    }

    /// All users, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn users(&self, now: Utc) -> Result<Vec<UserView>, StoreError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT id, name, created_us, disabled_us IS NOT NULL, totp IS NOT NULL,
                   (SELECT count(*) FROM session WHERE user_id = user.id AND expires_us > ?1)
                 FROM user ORDER BY name COLLATE NOCASE",
            )?;
            collect(&mut statement, &[&micros(now)], |row| {
                Ok(UserView {
                    grants: grants(connection, row.get(0)?)?.0,
                    name: row.get(1)?,
                    created: time(row.get(2)?)?,
                    disabled: row.get(3)?,
                    totp: row.get(4)?,
                    sessions: row.get::<_, i64>(5)?.cast_unsigned(),
                })
            })
        })
        .await
    }

    /// Changes a user, together with its line in the audit; somebody who can administer everywhere must be left.
    async fn changed_user(
        &self,
        deed: Deed,
        name: String,
        now: Utc,
        change: impl FnOnce(&Transaction<'_>, i64) -> Result<(), StoreError> + Send + 'static,
    ) -> Result<(), StoreError> {
        let changed = self.audited(deed, now, move |tx| {
            let id: Option<i64> = tx
                .query_row("SELECT id FROM user WHERE name = ?1", [&name], |row| {
                    row.get(0)
                })
                .optional()?;
            let Some(id) = id else {
                return Err(StoreError::NoSuchUser(name));
            };
            change(tx, id)?;
            if !somebody_administers(tx)? {
                return Err(StoreError::LastAdministrator(name));
            }
            Ok(true)
        });
        changed.await.map(drop)
    }
}

fn somebody_administers(connection: &Connection) -> Result<bool, StoreError> {
    let mut active = connection.prepare("SELECT id FROM user WHERE disabled_us IS NULL")?;
    let mut ids = active.query([])?;
    while let Some(row) = ids.next()? {
        if grants(connection, row.get(0)?)?.may_everywhere(Right::Administer) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What a user was granted.
pub(super) fn grants(connection: &Connection, user: i64) -> Result<Grants, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT role, region, site FROM user_grant WHERE user_id = ?1 ORDER BY rowid",
    )?;
    let name = |name: Option<String>| {
        let name = name.map(|name| name.parse().map_err(|_| StoreError::Broken("grant")));
        name.transpose()
    };
    let grants = collect(&mut statement, &[&user], |row| {
        let role = Role::of(&row.get::<_, String>(0)?).ok_or(StoreError::Broken("grant"))?;
        Ok(Grant {
            role,
            region: name(row.get(1)?)?,
            site: name(row.get(2)?)?,
        })
    })?;
    Ok(Grants(grants))
}

fn end_sessions(connection: &Connection, user: i64) -> Result<(), StoreError> {
    connection.execute("DELETE FROM session WHERE user_id = ?1", [user])?;
    Ok(())
}

fn add_user(
    connection: &Connection,
    name: &str,
    password_hash: &str,
    granted: &[Grant],
    now: Utc,
) -> Result<(), StoreError> {
    let id: Option<i64> = connection
        .query_row(
            "INSERT OR IGNORE INTO user (name, password_hash, created_us) VALUES (?1, ?2, ?3) RETURNING id",
            params![name, password_hash, micros(now)],
            |row| row.get(0),
        )
        .optional()?;
    match id {
        Some(id) => add_grants(connection, id, granted),
        None => Err(StoreError::UserExists(name.to_owned())),
    }
}

fn add_grants(connection: &Connection, user: i64, granted: &[Grant]) -> Result<(), StoreError> {
    let mut statement =
        connection.prepare_cached("INSERT INTO user_grant VALUES (?1, ?2, ?3, ?4)")?;
    for grant in granted {
        let (region, site) = (grant.region.as_ref(), grant.site.as_ref());
        statement.execute(params![
            user,
            grant.role.as_str(),
            region.map(|name| name.as_str()),
            site.map(|name| name.as_str())
        ])?;
    }
    Ok(())
}

/// Grants as words: `operator of north/bazaar, auditor`.
fn written(granted: &[Grant]) -> String {
    let place = |grant: &Grant| match (&grant.region, &grant.site) {
        (None, _) => String::new(),
        (Some(region), None) => format!(" of {region}"),
        (Some(region), Some(site)) => format!(" of {region}/{site}"),
    };
    let words = granted
        .iter()
        .map(|grant| format!("{}{}", grant.role.as_str(), place(grant)));
    words.collect::<Vec<_>>().join(", ")
}
