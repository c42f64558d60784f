//! How a request is refused.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::{store::StoreError, view::Refusal};

/// A refusal on its way to the console.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    error: String,
    retry_after: Option<Duration>,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Refused {
            status,
            error: error.into(),
            retry_after: None,
        }
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Refused::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    pub(crate) fn wait(time: Duration) -> Self {
        Refused {
            status: StatusCode::TOO_MANY_REQUESTS,
            error: format!("too many tries: wait {} seconds", time.as_secs()),
            retry_after: Some(time),
        }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store did not answer a request");
        Refused::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the store does not answer: see the centre's log",
        )
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = Json(Refusal { error: self.error });
        let mut response = (self.status, body).into_response();
        if let Some(time) = self.retry_after {
            let seconds = HeaderValue::from(time.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
