//! The interface that a base is operated through: `/v1/…`, over the socket or over TLS.

mod artifacts;
mod deployments;
mod lists;
mod refuse;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use bedplate::Base;
use bedplate_admin_client::protocol::{LARGEST_DOCUMENT, Refusal};
use http_body_util::BodyExt;
use serde_json::json;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::caller::{Action, Caller};
use crate::deployments::Deployments;
use crate::document;
use crate::head::{Hosts, check_head};
use refuse::Answer;
pub(crate) use refuse::Refused;

/// What the interface works with.
pub(crate) struct Api {
    pub(crate) base: Base,
    pub(crate) deployments: Deployments,
    pub(crate) upload_limit: u64,
    pub(crate) patience: Duration,
    pub(crate) news: Duration,
    /// Nobody waits for news any more.
    pub(crate) stop: CancellationToken,
}

/// The paths that are there.
const PATHS: [&str; 14] = [
    "GET /v1/status",
    "GET /v1/ready",
    "GET /v1/modules",
    "GET /v1/routes",
    "GET /v1/inflight",
    "GET /v1/history",
    "GET /v1/transitions",
    "GET /v1/restarts",
    "GET /v1/logs?module=",
    "POST /v1/artifacts",
    "POST /v1/deployments",
    "GET /v1/deployments",
    "GET /v1/deployments/{id}?after=",
    "POST /v1/snapshot",
];

/// The router for requests that name the base by one of `hosts`. Every request carries its [`Caller`].
pub(crate) fn router(api: Arc<Api>, hosts: Hosts) -> Router {
    Router::new()
        .route("/v1", get(async || refuse::done(StatusCode::OK, json!({ "paths": PATHS }))))
        .route("/v1/status", get(lists::status))
        .route("/v1/ready", get(lists::ready))
        .route("/v1/modules", get(lists::modules))
        .route("/v1/routes", get(lists::routes))
        .route("/v1/inflight", get(lists::in_flight))
        .route("/v1/history", get(lists::history))
        .route("/v1/transitions", get(lists::transitions))
        .route("/v1/restarts", get(lists::restarts))
        .route("/v1/logs", get(lists::logs))
        .route("/v1/artifacts", post(artifacts::upload))
        .route("/v1/deployments", get(deployments::all).post(deployments::begin))
        .route("/v1/deployments/{id}", get(deployments::follow))
        .route("/v1/snapshot", post(deployments::snapshot))
        .fallback(async || refuse::not_found("nothing is served at this path", json!({ "paths": PATHS })))
        .method_not_allowed_fallback(async || {
            Refused::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "this path has no such method",
                "`GET /v1` lists the paths with their methods",
            )
        })
        .with_state(api)
        // Bodies have limits of their own: documents are small, and objects are not.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(Arc::new(hosts), head))
}

/// Looks at the head before anything else: the host, the origin, and whether the caller may look at all.
async fn head(State(hosts): State<Arc<Hosts>>, request: Request, next: Next) -> Result<Response, Refused> {
    check_head(request.headers(), &hosts).map_err(|refusal| failed(StatusCode::FORBIDDEN, refusal))?;
    let Some(caller) = request.extensions().get::<Caller>() else {
        // Every way in says who asks; without it nothing is allowed.
        return Err(refuse::nobody());
    };
    let path = request.uri().path();
    // What is about a single module, or about a deployment of the caller's own, is decided there.
    let is_single = path == "/v1/logs" || path.starts_with("/v1/deployments/");
    // With `HEAD` too: what there is shows in the status and the length of the answer.
    if request.method() != Method::POST && !is_single {
        allow(caller, Action::Read, None)?;
    }
    Ok(next.run(request).await)
}

/// The JSON document of a request, which may take no longer than a client's patience allows.
async fn read_document(api: &Api, headers: &HeaderMap, mut body: Body) -> Answer<Vec<u8>> {
    let mut document = Vec::new();
    let reading = async {
        expect_type(headers, "application/json")?;
        while let Some(piece) = next_piece(api, &mut body).await? {
            if document.len() + piece.len() > LARGEST_DOCUMENT {
                return Err(Refused::from((StatusCode::PAYLOAD_TOO_LARGE, document::too_large())));
            }
            document.extend_from_slice(&piece);
        }
        Ok(())
    };
    match timeout(api.patience, reading).await.unwrap_or_else(|_| Err(refuse::too_slow())) {
        Ok(()) => Ok(document),
        Err(refused) => {
            pass_over(api, body, LARGEST_DOCUMENT as u64).await;
            Err(refused)
        }
    }
}

/// The next piece of a body, which may take no longer than a client's patience allows; `None` at its end.
async fn next_piece(api: &Api, body: &mut Body) -> Answer<Option<Bytes>> {
    loop {
        let Some(frame) = timeout(api.patience, body.frame()).await.map_err(|_| refuse::too_slow())? else {
            return Ok(None);
        };
        if let Ok(piece) = frame.map_err(|_| refuse::cut_off())?.into_data() {
            return Ok(Some(piece));
        }
    }
}

/// Reads on what is not wanted, within limits: a connection that is closed with something unread takes the answer with it.
async fn pass_over(api: &Api, mut body: Body, at_most: u64) {
    let mut passed: u64 = 0;
    let reading = async {
        while let Ok(Some(piece)) = next_piece(api, &mut body).await {
            passed += piece.len() as u64;
            if passed > at_most {
                return;
            }
        }
    };
    // Whoever takes longer loses the answer.
    let _ = timeout(api.patience, reading).await;
}

/// A page in a browser can send some kinds of bodies anywhere, and these are none of them.
fn expect_type(headers: &HeaderMap, expected: &'static str) -> Answer<()> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = given.split(';').next().unwrap_or_default().trim();
    if given.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(Refused::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported-type",
        "the request's body is of another kind than this path takes",
        format!("send it with `content-type: {expected}`"),
    ))
}

/// Whether the caller may.
pub(crate) fn allow(caller: &Caller, action: Action, module: Option<&str>) -> Answer<()> {
    if caller.may.allow(action, module) { Ok(()) } else { Err(refuse::not_allowed(caller, action, module)) }
}

/// The parameters after the `?`, none of which may be unknown.
fn parameters<T: serde::de::DeserializeOwned>(query: Option<&str>) -> Answer<T> {
    serde_urlencoded::from_str(query.unwrap_or_default()).map_err(|error| {
        let what = format!("the parameters of the path cannot be understood: {error}");
        Refused::new(
            StatusCode::BAD_REQUEST,
            "invalid-parameters",
            what,
            "`GET /v1` lists the paths with their parameters",
        )
    })
}

/// What cannot be found out now, in the form of this interface.
fn failed(status: StatusCode, refusal: Refusal) -> Refused {
    Refused::from((status, refusal))
}
