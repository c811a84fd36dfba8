//! How the interface answers: versioned JSON; what is no success has a code, what is wrong, and what to do.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bedplate_admin_client::protocol::{Refusal, RefusalAnswer, VERSION, Versioned};
use serde_json::{Map, Value, json};

use crate::caller::{Action, Caller};

/// An answer, or why there is none.
pub(super) type Answer<T> = Result<T, Refused>;

/// Why a request is not answered, with the status for it.
#[derive(Debug)]
pub(crate) struct Refused {
    status: StatusCode,
    refusal: Box<Refusal>,
    more: Value,
}

impl Refused {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        what: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self::from((status, Refusal::new(code, what, help)))
    }

    /// The code of what is wrong.
    #[cfg(test)]
    pub(crate) fn code(&self) -> &str {
        &self.refusal.code
    }
}

impl From<(StatusCode, Refusal)> for Refused {
    fn from((status, refusal): (StatusCode, Refusal)) -> Self {
        Self { status, refusal: Box::new(refusal), more: Value::Null }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let answer = Versioned::new(RefusalAnswer { error: *self.refusal });
        let mut value = serde_json::to_value(answer).unwrap_or_default();
        if let (Value::Object(fields), Value::Object(more)) = (&mut value, self.more) {
            fields.extend(more);
        }
        (self.status, [(header::CACHE_CONTROL, "no-store")], Json(value)).into_response()
    }
}

/// An answer with a status: the fields of an object, and the version.
pub(super) fn done(status: StatusCode, value: Value) -> Response {
    let mut fields = Map::new();
    match value {
        Value::Object(own) => fields.extend(own),
        other => {
            fields.insert("value".to_owned(), other);
        }
    }
    // What a starter shows may have a version of its own, which is that of its fields.
    fields.insert("version".to_owned(), json!(VERSION));
    (status, [(header::CACHE_CONTROL, "no-store")], Json(Value::Object(fields))).into_response()
}

pub(super) fn not_found(what: &str, more: Value) -> Refused {
    let refused = Refused::new(StatusCode::NOT_FOUND, "not-found", what, "see what there is: the answer lists it");
    Refused { more, ..refused }
}

pub(super) fn not_allowed(caller: &Caller, action: Action, module: Option<&str>) -> Refused {
    let on = module.map(|module| format!(" of `{module}`")).unwrap_or_default();
    Refused::new(
        StatusCode::FORBIDDEN,
        "not-allowed",
        format!("{} may not: {action}{on}", caller.who),
        "ask the base's owner to allow it: `may` of the token in `starters.admin.remote.tokens`",
    )
}

/// Of a request that does not say who asks.
pub(super) fn nobody() -> Refused {
    Refused::new(
        StatusCode::UNAUTHORIZED,
        "no-caller",
        "the request does not say who asks",
        "send `authorization: Bearer <token>`",
    )
}

pub(super) fn too_slow() -> Refused {
    Refused::new(
        StatusCode::REQUEST_TIMEOUT,
        "too-slow",
        "the request's body stood still for longer than `starters.admin.patience`",
        "send it again; nothing of it was kept",
    )
}

pub(super) fn cut_off() -> Refused {
    Refused::new(
        StatusCode::BAD_REQUEST,
        "cut-off",
        "the request's body ended before its end",
        "send it again; nothing of it was kept",
    )
}
