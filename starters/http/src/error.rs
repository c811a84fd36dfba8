//! The error of a handler: `?` on a service call gives the right status.

use std::borrow::Cow;
use std::fmt;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bedplate::{ErrorKind, ServiceError};

use crate::error_body;

/// An error that a handler returns, with the status that the client gets.
///
/// `?` turns any [`ServiceError`] into one: an error of a contract, and a refused call
/// ([`CallError`](bedplate::CallError)), by its kind. Texts of faults (500, 503, 504) go to the log and
/// never to the client.
///
/// Other errors say what they mean to the client, with [`OrHttpError`] or a constructor:
///
/// ```
/// use bedplate_starter_http::{HttpError, OrHttpError};
///
/// fn parse(text: &str) -> Result<u32, HttpError> {
///     text.parse().map_err(|error| HttpError::bad_request(format!("no number: {error}")))
/// }
///
/// fn load(found: Option<String>) -> Result<String, HttpError> {
///     found.or_not_found("there is no such article")
/// }
///
/// fn save(path: &str) -> Result<(), HttpError> {
///     std::fs::write(path, "text").or_internal()
/// }
/// # assert_eq!(parse("x").unwrap_err().status(), 400);
/// # assert_eq!(load(None).unwrap_err().status(), 404);
/// # assert_eq!(save("/").unwrap_err().status(), 500);
/// ```
pub struct HttpError {
    parts: Box<Parts>,
}

struct Parts {
    status: StatusCode,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    headers: HeaderMap,
    /// For the log alone.
    fault: Option<String>,
}

impl HttpError {
    /// An error with a status and a text for the client.
    #[must_use]
    pub fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        let code = Cow::Borrowed(error_body::code_of(status));
        Self {
            parts: Box::new(Parts { status, code, message: message.into(), headers: HeaderMap::new(), fault: None }),
        }
    }

    /// 400: the request itself is wrong.
    #[must_use]
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 401: nobody said who is calling.
    #[must_use]
    pub fn unauthenticated(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 403: the caller may not.
    #[must_use]
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404: it is not there.
    #[must_use]
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 409: it is there already, or has changed meanwhile.
    #[must_use]
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// 422: well formed, but the values do not do.
    #[must_use]
    pub fn unprocessable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// 500: a fault of the module. The error goes to the log with the request's id; the client gets
    /// the id alone.
    #[must_use]
    pub fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self::fault(StatusCode::INTERNAL_SERVER_ERROR, format!("{:#}", error.into()))
    }

    /// 503: not now; trying again may help. The error goes to the log.
    #[must_use]
    pub fn unavailable(error: impl Into<anyhow::Error>) -> Self {
        Self::fault(StatusCode::SERVICE_UNAVAILABLE, format!("{:#}", error.into()))
    }

    fn fault(status: StatusCode, text: String) -> Self {
        let (_, message) = error_body::of_status(status).unwrap_or(("internal", "something went wrong"));
        let mut error = Self::new(status, message);
        error.parts.fault = Some(text);
        error
    }

    /// The same error with a code of your own, a word for programs: `slug_taken`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.parts.code = code.into();
        self
    }

    /// The same error with a header more on its response.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.parts.headers.insert(name, value);
        self
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.parts.status
    }

    /// The code, a word for programs.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.parts.code
    }

    /// The text for the client.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.parts.message
    }
}

impl<E: ServiceError> From<E> for HttpError {
    fn from(error: E) -> Self {
        let status = status_of(error.kind());
        if status.is_server_error() {
            Self::fault(status, error.to_string())
        } else {
            Self::new(status, error.to_string())
        }
    }
}

/// The status for a kind of error.
pub(crate) fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        // Kinds that this version does not know are faults until it does.
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let Parts { status, code, message, headers, fault } = *self.parts;
        if let Some(fault) = fault {
            let id = crate::RequestId::current();
            let request_id = id.as_ref().map(crate::RequestId::as_str);
            tracing::error!(target: "bedplate::http", status = status.as_u16(), request_id, "a handler failed: {fault}");
        }
        let mut response = error_body::response(status, &code, &message);
        response.headers_mut().extend(headers);
        response
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.parts.fault.as_ref().map_or(&*self.parts.message, String::as_str))
    }
}

impl fmt::Debug for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { status, code, message, fault, .. } = &*self.parts;
        let mut debug = f.debug_struct("HttpError");
        debug.field("status", status).field("code", code).field("message", message);
        debug.field("fault", fault).finish_non_exhaustive()
    }
}

impl std::error::Error for HttpError {}

/// Says in a handler what the absence of a value, or an error of any type, means to the client.
pub trait OrHttpError<T>: Sized {
    /// A fault of the module: 500, and the error goes to the log.
    ///
    /// # Errors
    ///
    /// Where there is no value.
    fn or_internal(self) -> Result<T, HttpError>;

    /// 404, with a text for the client. What an error said is not told.
    ///
    /// # Errors
    ///
    /// Where there is no value.
    fn or_not_found(self, message: impl Into<Cow<'static, str>>) -> Result<T, HttpError> {
        self.or_status(StatusCode::NOT_FOUND, message)
    }

    /// A status, with a text for the client. What an error said is not told.
    ///
    /// # Errors
    ///
    /// Where there is no value.
    fn or_status(self, status: StatusCode, message: impl Into<Cow<'static, str>>) -> Result<T, HttpError>;
}

impl<T, E: Into<anyhow::Error>> OrHttpError<T> for Result<T, E> {
    fn or_internal(self) -> Result<T, HttpError> {
        self.map_err(HttpError::internal)
    }

    fn or_status(self, status: StatusCode, message: impl Into<Cow<'static, str>>) -> Result<T, HttpError> {
        self.map_err(|_| HttpError::new(status, message))
    }
}

impl<T> OrHttpError<T> for Option<T> {
    #[track_caller]
    fn or_internal(self) -> Result<T, HttpError> {
        let place = std::panic::Location::caller();
        self.ok_or_else(|| {
            HttpError::fault(StatusCode::INTERNAL_SERVER_ERROR, format!("a value is missing at {place}"))
        })
    }

    fn or_status(self, status: StatusCode, message: impl Into<Cow<'static, str>>) -> Result<T, HttpError> {
        self.ok_or_else(|| HttpError::new(status, message))
    }
}

#[cfg(test)]
mod tests {
    use bedplate::CallError;

    use super::*;

    fn refused(error: CallError) -> Result<(), HttpError> {
        Err(error)?;
        Ok(())
    }

    #[test]
    fn a_refused_call_has_the_right_status() {
        let target = || "comments::count".to_owned();
        for (error, status) in [
            (CallError::Overloaded { target: target() }, 503),
            (CallError::DeadlineExceeded { target: target() }, 504),
            (CallError::Panicked { target: target() }, 500),
            (CallError::Refused { reason: "not you".to_owned() }, 403),
        ] {
            assert_eq!(refused(error).unwrap_err().status(), status);
        }
    }

    #[test]
    fn a_fault_is_told_to_the_log_alone() {
        let error = HttpError::internal(anyhow::anyhow!("the password is 1234"));
        assert!(error.to_string().contains("1234"));
        assert!(!error.message().contains("1234"));
        assert_eq!(error.into_response().status(), 500);
    }

    #[test]
    fn unavailable_says_when_to_try_again() {
        let response = HttpError::unavailable(anyhow::anyhow!("full")).into_response();
        assert_eq!(response.headers()["retry-after"], "1");
    }
}
