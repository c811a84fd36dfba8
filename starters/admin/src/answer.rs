//! How the admin interface answers: versioned JSON.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bedplate::{Content, Inspection};
use serde_json::{Map, Value, json};

/// The version of every JSON answer.
const VERSION: u32 = 1;

/// An answer with a status: the fields of an object, and the version.
pub(crate) fn object(status: StatusCode, value: Value) -> Response {
    let mut fields = Map::from_iter([("version".to_owned(), json!(VERSION))]);
    match value {
        Value::Object(own) => fields.extend(own),
        other => {
            fields.insert("value".to_owned(), other);
        }
    }
    (status, [(header::CACHE_CONTROL, "no-store")], Json(Value::Object(fields))).into_response()
}

/// An error, in the form that the http starter has.
pub(crate) fn error(status: StatusCode, code: &str, message: &str, more: Value) -> Response {
    let mut error = Map::from_iter([
        ("status".to_owned(), json!(status.as_u16())),
        ("code".to_owned(), json!(code)),
        ("message".to_owned(), json!(message)),
    ]);
    if let Value::Object(more) = more {
        error.extend(more);
    }
    object(status, json!({ "error": error }))
}

/// What a starter shows.
pub(crate) fn inspection(inspection: Inspection) -> Response {
    match inspection.content {
        Content::Json(value) => object(StatusCode::OK, value),
        Content::Text { media_type, body } => {
            ([(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-store")], body).into_response()
        }
    }
}
