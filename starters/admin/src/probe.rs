//! Health, readiness and what runs, for probes and for people: everything is read, nothing can be changed.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::get;
use bedplate::base::{Phase, Readiness};
use bedplate::{Base, ModuleState};
use serde_json::{Value, json};

use crate::{answer, host};

/// The paths that are always there.
const OWN: [&str; 8] =
    ["healthz", "healthz/{module}", "readyz", "readyz/{module}", "modules", "history", "inflight", "restarts"];

/// The router of the interface that listens on `address`.
pub(crate) fn router(base: Base, address: SocketAddr) -> Router {
    Router::new()
        .route("/", get(index))
        .route("/healthz", get(health))
        .route("/healthz/{module}", get(module_health))
        .route("/readyz", get(ready))
        .route("/readyz/{module}", get(module_ready))
        .route("/modules", get(modules))
        .route("/history", get(history))
        .route("/inflight", get(in_flight))
        .route("/restarts", get(restarts))
        .route("/{name}", get(inspect))
        .fallback(|State(base): State<Base>| async move { unknown(&base) })
        .method_not_allowed_fallback(|| async {
            answer::error(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "everything here is read with GET",
                Value::Null,
            )
        })
        .with_state(base)
        .layer(from_fn_with_state(address, host::check))
}

async fn index(State(base): State<Base>) -> Response {
    answer::object(StatusCode::OK, json!({ "paths": paths(&base) }))
}

/// The process is there and answers.
async fn health(State(base): State<Base>) -> Response {
    answer::object(StatusCode::OK, json!({ "status": "ok", "phase": base.phase() }))
}

/// Whether a module has not failed. It may wait for something all the same: see `readyz`.
async fn module_health(State(base): State<Base>, Path(module): Path<String>) -> Response {
    let instances: Vec<_> = base.modules().into_iter().filter(|info| info.instance.module.as_str() == module).collect();
    if instances.is_empty() {
        return left_out(&base, &module).unwrap_or_else(|| no_module(&base, &module));
    }
    let healthy = instances.iter().all(|info| info.state != ModuleState::Failed);
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let states: Vec<_> =
        instances.iter().map(|info| json!({ "instance": info.instance, "state": info.state })).collect();
    answer::object(status, json!({ "module": module, "healthy": healthy, "instances": states }))
}

/// Whether the base can serve: what a balancer asks.
async fn ready(State(base): State<Base>) -> Response {
    let Readiness { ready, phase, modules, .. } = base.readiness().await;
    answer::object(status(ready), json!({ "ready": ready, "phase": phase, "modules": modules }))
}

async fn module_ready(State(base): State<Base>, Path(module): Path<String>) -> Response {
    let Readiness { phase, mut modules, .. } = base.readiness().await;
    modules.retain(|readiness| readiness.module.as_str() == module);
    if modules.is_empty() {
        return left_out(&base, &module).unwrap_or_else(|| no_module(&base, &module));
    }
    let ready = phase == Phase::Serving && modules.iter().all(|readiness| readiness.ready);
    answer::object(status(ready), json!({ "module": module, "ready": ready, "phase": phase, "modules": modules }))
}

async fn modules(State(base): State<Base>) -> Response {
    answer::object(StatusCode::OK, json!({ "phase": base.phase(), "modules": base.modules() }))
}

async fn history(State(base): State<Base>) -> Response {
    answer::object(StatusCode::OK, json!({ "events": base.history().kept() }))
}

async fn in_flight(State(base): State<Base>) -> Response {
    answer::object(StatusCode::OK, json!({ "entries": base.in_flight() }))
}

async fn restarts(State(base): State<Base>) -> Response {
    answer::object(StatusCode::OK, json!({ "restarts": base.restarts() }))
}

/// What a starter shows under a name.
async fn inspect(State(base): State<Base>, Path(name): Path<String>) -> Response {
    let found = base.inspect().into_iter().find(|inspection| inspection.name == name);
    found.map_or_else(|| unknown(&base), answer::inspection)
}

fn status(ready: bool) -> StatusCode {
    if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// A module that is not composed now because it failed, with what is done about it.
fn left_out(base: &Base, module: &str) -> Option<Response> {
    let restart = base.restarts().into_iter().find(|restart| restart.module.as_str() == module)?;
    let value =
        json!({ "module": module, "ready": false, "healthy": false, "phase": base.phase(), "restart": restart });
    Some(answer::object(StatusCode::SERVICE_UNAVAILABLE, value))
}

fn no_module(base: &Base, module: &str) -> Response {
    let mut names: Vec<_> = base.modules().into_iter().map(|info| info.instance.module).collect();
    names.dedup();
    let message = format!("there is no module `{module}`");
    answer::error(StatusCode::NOT_FOUND, "not_found", &message, json!({ "modules": names }))
}

fn unknown(base: &Base) -> Response {
    let message = "nothing is served at this path; see `paths`";
    answer::error(StatusCode::NOT_FOUND, "not_found", message, json!({ "paths": paths(base) }))
}

fn paths(base: &Base) -> Vec<String> {
    let mut paths: Vec<_> = OWN.iter().map(|path| format!("/{path}")).collect();
    paths.extend(base.inspect().into_iter().map(|inspection| format!("/{}", inspection.name)));
    paths
}
