//! What a path names.

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::ConduitError;

/// What the path of a request names: axum's `Path`, but that bytes which are no text (`%FF`) name
/// nothing, and are a 404 in the form of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Named<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = ConduitError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ConduitError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(names)) => Ok(Self(names)),
            Err(rejection) => Err(rejected(&rejection)),
        }
    }
}

fn rejected(rejection: &PathRejection) -> ConduitError {
    let kind = match rejection {
        PathRejection::FailedToDeserializePathParams(failed) => Some(failed.kind()),
        _ => None,
    };
    match kind {
        Some(ErrorKind::InvalidUtf8InPathParam { key }) => ConduitError::not_found(resource(key)),
        // The route and its handler disagree: that is the module's fault.
        _ => bedplate::Error::msg(rejection.body_text()).into(),
    }
}

/// What a parameter of the interface's paths is the name of.
fn resource(parameter: &str) -> &'static str {
    match parameter {
        "username" => "profile",
        "id" => "comment",
        _ => "article",
    }
}
