//! Evidence that somebody looks at is noted in the audit, before it is shown: once a session, however often a page asks for it.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use protocol::Utc;

use super::{Shared, access::SignedIn, refusal::Refused};
use crate::token::TokenHash;

/// Views that are remembered; past it they are noted once more.
const MOST: usize = 100_000;

/// What has been noted already.
#[derive(Debug, Default)]
pub(super) struct Views(Mutex<HashSet<(TokenHash, String)>>);

impl Views {
    fn is_first(&self, view: (TokenHash, String)) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST {
            seen.clear();
        }
        seen.insert(view)
    }

    fn forget(&self, view: &(TokenHash, String)) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.remove(view);
    }
}

/// Notes that somebody looks at a part of a subject.
pub(super) async fn note(
    shared: &Shared,
    signed_in: SignedIn,
    subject: String,
    part: String,
) -> Result<(), Refused> {
    let view = (signed_in.token_hash, format!("{subject}/{part}"));
    if !shared.views.is_first(view.clone()) {
        return Ok(());
    }
    let noted = shared
        .store
        .note_viewed(signed_in.user, subject, part, Utc::now());
    if let Err(error) = noted.await {
        shared.views.forget(&view);
        return Err(error.into());
    }
    Ok(())
}
