//! Objects that are sent to the base: a piece at a time, within a limit, and kept only when they are whole.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use bedplate_admin_client::protocol::Artifact;

use super::refuse::{self, Answer, Refused, done};
use super::{Api, expect_type, next_piece, pass_over};
use crate::caller::{Action, Caller};
use crate::upload::Upload;

/// Receives an object. What is cut off, too large or too slow leaves nothing behind.
pub(super) async fn upload(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    mut body: Body,
) -> Answer<Response> {
    match receive(&api, &caller, &headers, &mut body).await {
        Ok(artifact) => Ok(done(StatusCode::CREATED, serde_json::to_value(artifact).unwrap_or_default())),
        Err(refused) => {
            pass_over(&api, body, api.upload_limit).await;
            Err(refused)
        }
    }
}

async fn receive(api: &Api, caller: &Caller, headers: &HeaderMap, body: &mut Body) -> Answer<Artifact> {
    if !caller.may.allow_somewhere(Action::Install) {
        return Err(refuse::not_allowed(caller, Action::Install, None));
    }
    expect_type(headers, "application/octet-stream")?;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > api.upload_limit) {
        return Err(too_large(api));
    }
    let mut upload = Upload::begin(&api.base).await?;
    let mut received: u64 = 0;
    while let Some(piece) = next_piece(api, body).await? {
        received += piece.len() as u64;
        if received > api.upload_limit {
            return Err(too_large(api));
        }
        upload.write(&piece).await?;
    }
    upload.finish(caller.arrival).await
}

fn too_large(api: &Api) -> Refused {
    Refused::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "object-too-large",
        format!("the object is larger than {} bytes", api.upload_limit),
        "strip what it does not need, or raise `starters.admin.upload_limit`",
    )
}
