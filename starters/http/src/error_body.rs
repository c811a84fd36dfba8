//! The JSON body of an error: `{"error":{"status":404,"code":"not_found",…}}`.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use crate::{handoff, request_id};

/// What a client is told to wait before it tries again, in seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    status: u16,
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// The body as bytes.
pub(crate) fn render(status: StatusCode, code: &str, message: &str, id: Option<&HeaderValue>) -> Bytes {
    let error = ErrorObject { status: status.as_u16(), code, message, request_id: id.map(request_id::text) };
    serde_json::to_vec(&ErrorBody { error }).expect("text and numbers are JSON").into()
}

/// A response with such a body, for the request at work.
pub(crate) fn response(status: StatusCode, code: &str, message: &str) -> Response {
    let body = render(status, code, message, handoff::request_id().as_ref());
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    headers(status, response.headers_mut());
    response
}

/// Adds the headers that belong to such a body.
pub(crate) fn headers(status: StatusCode, headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_TYPE, JSON);
    if status == StatusCode::SERVICE_UNAVAILABLE && !headers.contains_key(header::RETRY_AFTER) {
        headers.insert(header::RETRY_AFTER, RETRY_AFTER);
    }
}

/// Code and message for a status that came without a body; `None` for one that may have none.
pub(crate) fn of_status(status: StatusCode) -> Option<(&'static str, &'static str)> {
    Some(match status {
        StatusCode::NOT_FOUND => ("not_found", "nothing is served at this path"),
        StatusCode::METHOD_NOT_ALLOWED => ("method_not_allowed", "this path does not take this method; see `Allow`"),
        StatusCode::PAYLOAD_TOO_LARGE => ("payload_too_large", "the request's body is larger than allowed"),
        StatusCode::INTERNAL_SERVER_ERROR => ("internal", "something went wrong"),
        StatusCode::SERVICE_UNAVAILABLE => ("unavailable", "not available now; try again"),
        StatusCode::GATEWAY_TIMEOUT => ("timeout", "there was no answer in time"),
        _ => return None,
    })
}

/// The code for a status that says no more than itself.
pub(crate) fn code_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "bad_request",
        StatusCode::UNAUTHORIZED => "unauthenticated",
        StatusCode::FORBIDDEN => "forbidden",
        StatusCode::CONFLICT => "conflict",
        StatusCode::UNPROCESSABLE_ENTITY => "unprocessable",
        StatusCode::TOO_MANY_REQUESTS => "too_many_requests",
        other => match of_status(other) {
            Some((code, _)) => code,
            None if other.is_server_error() => "internal",
            None => "error",
        },
    }
}
