//! Users, what they may, and what they did.

use protocol::Utc;
use schemars::JsonSchema;
use serde::Serialize;

use crate::role::{Grant, Right};

/// Who is there.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SessionView {
    /// Nobody can sign in yet: the first administrator is to be named with the one-time token.
    pub first_admin_needed: bool,
    /// Who is signed in.
    pub user: Option<MeView>,
}

/// The user who is signed in.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MeView {
    /// The user's name.
    pub name: String,
    /// Roles, and where.
    pub grants: Vec<Grant>,
    /// All that may be done somewhere.
    pub rights: Vec<Right>,
    /// Signing in needs a one-time code, too.
    pub totp: bool,
}

/// A user, for whoever decides who may do what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UserView {
    /// The user's name.
    pub name: String,
    /// Since when there is such a user.
    pub created: Utc,
    /// Roles, and where.
    pub grants: Vec<Grant>,
    /// May not sign in.
    pub disabled: bool,
    /// Signing in needs a one-time code, too.
    pub totp: bool,
    /// Sessions that have not ended.
    pub sessions: u64,
}

/// What an authenticator is to be told; it counts once a code of it was given back.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TotpSetup {
    /// The secret, in base32, to be typed.
    pub secret: String,
    /// The same as an address.
    pub address: String,
    /// The address as a QR code, in SVG.
    pub picture: String,
}

/// A line of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AuditLine {
    /// Its number.
    pub id: i64,
    /// When.
    pub at: Utc,
    /// Name of the user.
    pub user: String,
    /// What was done, for instance `acknowledged`.
    pub action: String,
    /// To what: an incident, a user, a request.
    pub subject: String,
    /// What the user wrote, or which part it was.
    pub note: Option<String>,
}

/// Some of the audit, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AuditPage {
    /// The lines.
    pub lines: Vec<AuditLine>,
    /// Where the next page begins, as `before`; nothing at the end.
    pub next: Option<i64>,
}

/// Whether the audit is whole: every line holds the hash of itself and of the line before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AuditCheck {
    /// How many lines there are.
    pub lines: u64,
    /// Hash of the last one, in hexadecimal: noted down elsewhere, it shows whether lines at the end have gone.
    pub head: String,
    /// The first line that is not as it was written, or before which one is missing.
    pub broken_at: Option<i64>,
}
