//! Errors in the form of the public interface: `{"errors": {"<field>": ["<message>"]}}`.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bedplate::{ErrorKind, ServiceError};
use serde_json::json;

/// How many seconds a client is asked to wait after a 503.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// An answer that says what is wrong, and with which field.
///
/// `?` makes one of everything that can fail inside: what went wrong is logged when the answer is
/// made, and the client learns no more than whose fault it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConduitError {
    status: StatusCode,
    errors: BTreeMap<String, Vec<String>>,
    /// What the log is told.
    reason: Option<String>,
}

impl ConduitError {
    /// One message about one field.
    #[must_use]
    pub fn new(status: StatusCode, field: &str, message: &str) -> Self {
        Self::all(status, BTreeMap::from([(field.to_owned(), vec![message.to_owned()])]))
    }

    /// All that is wrong, by field.
    #[must_use]
    pub fn all(status: StatusCode, errors: BTreeMap<String, Vec<String>>) -> Self {
        Self { status, errors, reason: None }
    }

    /// 401: no token, or one that is no good.
    #[must_use]
    pub fn no_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "token", "is missing")
    }

    /// 401: nobody of this email has this password.
    #[must_use]
    pub fn wrong_credentials() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "credentials", "invalid")
    }

    /// 403: it belongs to somebody else.
    #[must_use]
    pub fn forbidden(resource: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, resource, "forbidden")
    }

    /// 404: there is none.
    #[must_use]
    pub fn not_found(resource: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, resource, "not found")
    }

    /// 422: a value that does not do.
    #[must_use]
    pub fn invalid(field: &str, message: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, field, message)
    }

    /// The status that it is answered with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What is wrong, by field.
    #[must_use]
    pub fn errors(&self) -> &BTreeMap<String, Vec<String>> {
        &self.errors
    }

    fn from_inside(kind: ErrorKind, reason: String) -> Self {
        let (status, message) = match kind {
            ErrorKind::Timeout => (StatusCode::GATEWAY_TIMEOUT, "did not answer in time"),
            ErrorKind::Unavailable | ErrorKind::TooManyRequests => (StatusCode::SERVICE_UNAVAILABLE, "is unavailable"),
            // A starter around the entry said no: whose request it is does not matter here.
            ErrorKind::Forbidden => (StatusCode::FORBIDDEN, "forbidden"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
        };
        Self { reason: Some(reason), ..Self::new(status, "service", message) }
    }
}

impl<E: ServiceError> From<E> for ConduitError {
    fn from(error: E) -> Self {
        Self::from_inside(error.kind(), error.to_string())
    }
}

impl IntoResponse for ConduitError {
    fn into_response(self) -> Response {
        if let Some(reason) = &self.reason {
            tracing::error!(status = self.status.as_u16(), "{reason}");
        }
        let mut response = (self.status, Json(json!({ "errors": self.errors }))).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use bedplate::CallError;
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn has_the_form_of_the_interface() {
        let response = ConduitError::not_found("article").into_response();
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, r#"{"errors":{"article":["not found"]}}"#);
    }

    #[tokio::test]
    async fn what_is_inside_stays_inside() {
        let error = bedplate::Error::msg("no such table: account in /var/lib/conduit");
        let response = ConduitError::from(error).into_response();
        assert_eq!(response.status(), 500);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, r#"{"errors":{"service":["failed"]}}"#);
    }

    #[test]
    fn a_refused_call_is_503_or_504() {
        let overloaded = ConduitError::from(CallError::Overloaded { target: "articles".to_owned() });
        let response = overloaded.into_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        let late = ConduitError::from(CallError::DeadlineExceeded { target: "articles".to_owned() });
        assert_eq!(late.status(), 504);
    }
}
