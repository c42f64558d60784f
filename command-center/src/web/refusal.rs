//! How a request is refused.

use std::time::Duration;

use axum::{
    Json,
    extract::{FromRequest, Request, rejection::JsonRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use serde::de::DeserializeOwned;

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
        let status = match error {
            StoreError::UserExists(_) | StoreError::LastAdministrator(_) => StatusCode::CONFLICT,
            StoreError::NoSuchUser(_) => StatusCode::NOT_FOUND,
            _ => StatusCode::SERVICE_UNAVAILABLE,
        };
        if status != StatusCode::SERVICE_UNAVAILABLE {
            return Refused::new(status, error.to_string());
        }
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

/// A body in JSON; what is wrong with it is refused in JSON too.
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refused> {
        let parsed = Json::<T>::from_request(request, state).await;
        let Json(body) =
            parsed.map_err(|e: JsonRejection| Refused::new(e.status(), e.body_text()))?;
        Ok(Body(body))
    }
}
