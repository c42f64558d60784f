//! Tables, and how an older database becomes a newer one.
//!
//! `MIGRATIONS[n]` leads from version n to n + 1; `PRAGMA user_version` says where a database stands. A step that was
//! released is never changed. Times are microseconds since 1970 in UTC, ids are text.

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

const MIGRATIONS: &[&str] = &[
    r"
CREATE TABLE node (
  id INTEGER PRIMARY KEY,
  region TEXT NOT NULL, site TEXT NOT NULL, node TEXT NOT NULL,
  heard_us INTEGER NOT NULL,
  status TEXT,
  health TEXT,
  duplicates INTEGER NOT NULL DEFAULT 0,
  UNIQUE (region, site, node)
) STRICT;

CREATE TABLE camera (
  node_id INTEGER NOT NULL REFERENCES node (id),
  camera TEXT NOT NULL,
  bootid TEXT NOT NULL,
  said_us INTEGER NOT NULL,
  health TEXT NOT NULL,
  decoded_fps REAL,
  analysed_fps REAL,
  PRIMARY KEY (node_id, camera)
) STRICT, WITHOUT ROWID;

-- every incident message as it came; source and id are its identity
CREATE TABLE message (
  source TEXT NOT NULL,
  id TEXT NOT NULL,
  incident_id TEXT NOT NULL,
  received_us INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_by_incident ON message (incident_id);

-- what the messages of one incident say together
CREATE TABLE incident (
  id TEXT PRIMARY KEY,
  node_id INTEGER NOT NULL REFERENCES node (id),
  captured_us INTEGER NOT NULL,
  latest_us INTEGER NOT NULL,
  received_us INTEGER NOT NULL,
  ended_us INTEGER,
  ended_basis TEXT,
  merged TEXT NOT NULL,
  acknowledged_by TEXT,
  acknowledged_us INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX incident_newest ON incident (captured_us DESC, id DESC);
CREATE INDEX incident_to_do ON incident (captured_us DESC, id DESC) WHERE acknowledged_us IS NULL;
CREATE INDEX incident_open ON incident (node_id) WHERE ended_us IS NULL;

-- numbers of durable messages that came, as ranges: the holes between them are what is missing
CREATE TABLE seq_range (
  node_id INTEGER NOT NULL REFERENCES node (id),
  bootid TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  since_us INTEGER NOT NULL,
  PRIMARY KEY (node_id, bootid, first)
) STRICT, WITHOUT ROWID;

CREATE TABLE evidence (
  id INTEGER PRIMARY KEY,
  incident_id TEXT NOT NULL,
  part TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  node_id INTEGER NOT NULL REFERENCES node (id),
  content_type TEXT NOT NULL,
  total INTEGER NOT NULL,
  received INTEGER NOT NULL DEFAULT 0,
  complete_us INTEGER,
  UNIQUE (incident_id, part, sha256)
) STRICT;
CREATE TABLE evidence_chunk (
  evidence_id INTEGER NOT NULL REFERENCES evidence (id),
  first INTEGER NOT NULL,
  after INTEGER NOT NULL,
  PRIMARY KEY (evidence_id, first, after)
) STRICT, WITHOUT ROWID;

-- messages that could not be taken: the newest are kept, all are counted
CREATE TABLE parked (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  received_us INTEGER NOT NULL,
  topic TEXT NOT NULL,
  reason TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  payload BLOB NOT NULL
) STRICT;

-- what consoles have to hear of, in order; they resume by its id
CREATE TABLE change (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL
) STRICT;

CREATE TABLE user (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  password_hash TEXT NOT NULL,
  created_us INTEGER NOT NULL
) STRICT;
CREATE TABLE session (
  token_hash BLOB PRIMARY KEY,
  user_id INTEGER NOT NULL REFERENCES user (id),
  expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_us INTEGER NOT NULL,
  user TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  note TEXT
) STRICT;
CREATE INDEX audit_by_subject ON audit (subject);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
",
    r"
-- numbers that a node will never send: they are in seq_range too, so that nobody waits for them
CREATE TABLE given_up (
  node_id INTEGER NOT NULL REFERENCES node (id),
  bootid TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  class TEXT NOT NULL,
  reason TEXT NOT NULL,
  heard_us INTEGER NOT NULL,
  PRIMARY KEY (node_id, bootid, first)
) STRICT, WITHOUT ROWID;
",
    r"
-- what nodes were asked to do; sent again until a receipt is here or it expires
CREATE TABLE command (
  request TEXT PRIMARY KEY,
  node_id INTEGER NOT NULL REFERENCES node (id),
  command TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  asked_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL,
  topic TEXT NOT NULL,
  envelope BLOB NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_us INTEGER NOT NULL DEFAULT 0,
  receipt TEXT,
  receipt_us INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX command_by_node ON command (node_id, asked_us DESC);
CREATE INDEX command_to_send ON command (next_us) WHERE receipt IS NULL;
",
    r"
-- the highest number that a node has said it gave out in a boot, and when it was first said
CREATE TABLE tail (
  node_id INTEGER NOT NULL REFERENCES node (id),
  bootid TEXT NOT NULL,
  seq INTEGER NOT NULL,
  since_us INTEGER NOT NULL,
  PRIMARY KEY (node_id, bootid)
) STRICT, WITHOUT ROWID;
",
    r"
-- what cameras have counted, a stretch of time a row
CREATE TABLE totals (
  node_id INTEGER NOT NULL REFERENCES node (id),
  bootid TEXT NOT NULL,
  seq INTEGER NOT NULL,
  camera TEXT NOT NULL,
  from_us INTEGER NOT NULL,
  until_us INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (node_id, bootid, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX totals_by_time ON totals (node_id, from_us);
",
    r"
-- what operators last said of incidents; every saying is in the audit
CREATE TABLE verdict (
  incident_id TEXT PRIMARY KEY REFERENCES incident (id),
  verdict TEXT NOT NULL,
  ignored INTEGER NOT NULL,
  judged_by TEXT NOT NULL,
  judged_us INTEGER NOT NULL,
  request TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX verdict_by_request ON verdict (request);
",
    r"
-- signed manifests as they came, and the chains that they form
CREATE TABLE manifest (
  node_id INTEGER NOT NULL REFERENCES node (id),
  chain TEXT NOT NULL,
  number INTEGER NOT NULL,
  incident_id TEXT NOT NULL,
  received_us INTEGER NOT NULL,
  line TEXT NOT NULL,
  PRIMARY KEY (node_id, chain, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX manifest_by_incident ON manifest (incident_id);
CREATE TABLE chain (
  node_id INTEGER NOT NULL REFERENCES node (id),
  chain TEXT NOT NULL,
  key TEXT NOT NULL,
  begun_us INTEGER NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  manifests INTEGER NOT NULL,
  breaks INTEGER NOT NULL,
  PRIMARY KEY (node_id, chain)
) STRICT, WITHOUT ROWID;
",
    r"
-- what nodes' cameras are to be told, by its number at the node; and what nodes say that they go by
CREATE TABLE config_push (
  node_id INTEGER NOT NULL REFERENCES node (id),
  number INTEGER NOT NULL,
  push TEXT NOT NULL,
  document TEXT NOT NULL,
  trial TEXT NOT NULL,
  pushed_by TEXT NOT NULL,
  pushed_us INTEGER NOT NULL,
  topic TEXT NOT NULL,
  envelope BLOB NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_us INTEGER NOT NULL DEFAULT 0,
  taken INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (node_id, number)
) STRICT;
CREATE INDEX config_push_waiting ON config_push (next_us) WHERE NOT taken;
CREATE TABLE config_report (
  node_id INTEGER PRIMARY KEY REFERENCES node (id),
  body TEXT NOT NULL,
  received_us INTEGER NOT NULL
) STRICT;
",
    r"
-- what users may do, and where; whoever was there before could do everything
CREATE TABLE user_grant (
  user_id INTEGER NOT NULL REFERENCES user (id),
  role TEXT NOT NULL,
  region TEXT,
  site TEXT
) STRICT;
CREATE INDEX user_grant_by_user ON user_grant (user_id);
INSERT INTO user_grant SELECT id, 'administrator', NULL, NULL FROM user;
ALTER TABLE user ADD COLUMN disabled_us INTEGER;
-- secrets of one-time codes, and the latest step of time whose code was taken
ALTER TABLE user ADD COLUMN totp TEXT;
ALTER TABLE user ADD COLUMN totp_offered TEXT;
ALTER TABLE user ADD COLUMN totp_step INTEGER;
ALTER TABLE session ADD COLUMN begun_us INTEGER NOT NULL DEFAULT 0;
CREATE INDEX session_by_user ON session (user_id);
-- of the hash of the line before and of the line itself
ALTER TABLE audit ADD COLUMN hash BLOB;
CREATE INDEX audit_by_user ON audit (user);
",
];

/// Sets a connection up; `synchronous=FULL` because a message is acknowledged once its commit has returned.
pub(super) fn prepare(connection: &Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(())
}

/// Brings a database to the newest version.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    if version(connection)? == MIGRATIONS.len() {
        return Ok(());
    }
    let tx = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    let found = version(&tx)?;
    let Some(steps) = MIGRATIONS.get(found..) else {
        return Err(StoreError::TooNew {
            found,
            known: MIGRATIONS.len(),
        });
    };
    for step in steps {
        tx.execute_batch(step)?;
    }
    tx.pragma_update(None, "user_version", MIGRATIONS.len().cast_signed())?;
    tx.commit()?;
    Ok(())
}

fn version(connection: &Connection) -> Result<usize, StoreError> {
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    usize::try_from(version).map_err(|_| StoreError::Broken("version"))
}
