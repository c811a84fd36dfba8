//! Deployments: asked for, followed, listed.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bedplate_admin_client::protocol::{DeploymentRequest, Operation};
use serde::Deserialize;
use serde_json::json;

use super::refuse::{Answer, done, not_found};
use super::{Api, allow, failed, read_document};
use crate::caller::{Action, Caller};
use crate::{document, operations};

/// Takes a deployment, and answers before it is done: it goes on without its client.
pub(super) async fn begin(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Response> {
    let document = read_document(&api, &headers, body).await?;
    let request = document::deployment(&document).map_err(|refusal| failed(StatusCode::BAD_REQUEST, refusal))?;
    allow_all(&caller, &request)?;
    let prepared = operations::prepare(&api.base, request, &caller)?;
    let begun = api.deployments.begin(prepared.operation(), prepared.modules(), &caller);
    let followed = begun.map_err(|refusal| failed(StatusCode::TOO_MANY_REQUESTS, refusal))?;
    let now = followed.now();
    followed.carry_out(prepared.carry_out(followed.clone()));
    let mut answer = done(StatusCode::ACCEPTED, json!({ "deployment": now }));
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/deployments/{}", now.id)) {
        answer.headers_mut().insert(header::LOCATION, location);
    }
    Ok(answer)
}

/// Whether the caller may do it to each module that the request names. An install names objects: [`operations::prepare`]
/// asks for the module that each of them was stored as, and refuses one that is not stored.
fn allow_all(caller: &Caller, request: &DeploymentRequest) -> Answer<()> {
    let action = action(&request.operation);
    match &request.operation {
        Operation::Redeploy { modules } | Operation::Uninstall { modules } | Operation::Rollback { modules, .. }
            if !modules.is_empty() =>
        {
            modules.iter().try_for_each(|module| allow(caller, action, Some(module)))
        }
        Operation::Install { .. } if caller.may.allow_somewhere(action) => Ok(()),
        _ => allow(caller, action, None),
    }
}

/// What a token must be allowed for an operation.
pub(crate) fn action(operation: &Operation) -> Action {
    match operation {
        Operation::Install { .. } => Action::Install,
        Operation::Redeploy { .. } => Action::Redeploy,
        Operation::Rollback { .. } => Action::Rollback,
        Operation::Uninstall { .. } => Action::Uninstall,
        Operation::Settings {} => Action::Settings,
    }
}

/// Those that are kept, the newest first.
pub(super) async fn all(State(api): State<Arc<Api>>) -> Response {
    done(StatusCode::OK, json!({ "deployments": api.deployments.all() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FollowParameters {
    #[serde(default)]
    after: u64,
}

/// One of them: as soon as it is newer than what the client has, or after a while.
pub(super) async fn follow(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let FollowParameters { after } = super::parameters(query.as_deref())?;
    // Whoever may deploy may see what comes of it.
    if api.deployments.asked_by(&id).is_none_or(|who| who != caller.who) {
        allow(&caller, Action::Read, None)?;
    }
    match api.deployments.news(&id, after, api.news).await {
        Some(deployment) => Ok(done(StatusCode::OK, json!({ "deployment": deployment }))),
        None => Err(not_found("there is no such deployment, or it is kept no longer: see the history", json!({}))),
    }
}

/// Writes what serves as a bundle, into a folder that the base chooses.
pub(super) async fn snapshot(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer<Response> {
    allow(&caller, Action::Snapshot, None)?;
    let document = read_document(&api, &headers, body).await?;
    document::plain(&document).map_err(|refusal| failed(StatusCode::BAD_REQUEST, refusal))?;
    Ok(done(StatusCode::CREATED, operations::snapshot(&api.base).await?))
}
