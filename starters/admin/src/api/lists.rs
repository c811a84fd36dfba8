//! What is, and what was: everything that is only read.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use bedplate::base::Readiness;
use bedplate::{Content, ModuleName, Question};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::refuse::{Answer, Refused, done, not_found};
use super::{Api, allow, parameters};
use crate::caller::{Action, Caller};
use crate::operations;

/// How many deployments of the history are shown where nobody says.
const SHOWN: usize = 20;

/// The most that can be asked for.
const MOST_SHOWN: usize = 1_000;

type Shared = State<Arc<Api>>;

/// Takes no parameters.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

pub(super) async fn status(State(api): Shared, RawQuery(query): RawQuery) -> Answer<Response> {
    parameters::<Nothing>(query.as_deref())?;
    Ok(done(StatusCode::OK, operations::status(&api.base).await))
}

/// Answers 200 where the question could be answered: whether the base is ready stands in the answer.
pub(super) async fn ready(State(api): Shared, RawQuery(query): RawQuery) -> Answer<Response> {
    parameters::<Nothing>(query.as_deref())?;
    let Readiness { ready, phase, modules, .. } = api.base.readiness().await;
    Ok(done(StatusCode::OK, json!({ "ready": ready, "phase": phase, "modules": modules })))
}

pub(super) async fn modules(State(api): Shared) -> Response {
    done(StatusCode::OK, json!({ "phase": api.base.phase(), "modules": api.base.modules() }))
}

/// What the http starter of the base shows; a base may have none.
pub(super) async fn routes(State(api): Shared) -> Answer<Response> {
    let found = api.base.inspect().into_iter().find(|inspection| inspection.name == "routes");
    match found.map(|inspection| inspection.content) {
        Some(Content::Json(routes)) => Ok(done(StatusCode::OK, routes)),
        _ => Err(Refused::new(
            StatusCode::NOT_FOUND,
            "no-routes",
            "this base has no starter that serves routes",
            "add one to the base's `Cargo.toml`: `bedplate-starter-http`",
        )),
    }
}

pub(super) async fn in_flight(State(api): Shared) -> Response {
    done(StatusCode::OK, json!({ "entries": api.base.in_flight() }))
}

pub(super) async fn transitions(State(api): Shared) -> Response {
    done(StatusCode::OK, json!({ "events": api.base.history().kept() }))
}

pub(super) async fn restarts(State(api): Shared) -> Response {
    done(StatusCode::OK, json!({ "restarts": api.base.restarts() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryParameters {
    limit: Option<usize>,
}

/// The deployments, the newest first.
pub(super) async fn history(State(api): Shared, RawQuery(query): RawQuery) -> Answer<Response> {
    let HistoryParameters { limit } = parameters(query.as_deref())?;
    let limit = limit.unwrap_or(SHOWN).min(MOST_SHOWN);
    Ok(done(StatusCode::OK, json!({ "deployments": operations::history(&api.base, limit) })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogParameters {
    module: String,
    #[serde(default)]
    after: u64,
    #[serde(default)]
    follow: bool,
}

/// The last lines of a module, as the telemetry starter keeps them; with `follow`, as soon as there are new ones.
pub(super) async fn logs(
    State(api): Shared,
    Extension(caller): Extension<Caller>,
    RawQuery(query): RawQuery,
) -> Answer<Response> {
    let LogParameters { module, after, follow } = parameters(query.as_deref())?;
    ModuleName::new(module.as_str()).map_err(|error| {
        Refused::new(StatusCode::BAD_REQUEST, "invalid-parameters", error.to_string(), "name a module as `status` does")
    })?;
    allow(&caller, Action::Read, Some(&module))?;
    let ask = async |follow: bool| {
        let parameters = BTreeMap::from([
            ("module".to_owned(), module.clone()),
            ("after".to_owned(), after.to_string()),
            ("follow".to_owned(), follow.to_string()),
        ]);
        api.base.answer(&Question { name: "logs", parameters: &parameters }).await
    };
    let answer = if follow {
        let waited = tokio::select! {
            answer = timeout(api.news, ask(true)) => answer.ok(),
            () = api.stop.cancelled() => None,
        };
        // No news: the same question without waiting says so.
        match waited {
            Some(answer) => answer,
            None => ask(false).await,
        }
    } else {
        ask(false).await
    };
    match answer {
        Some(Ok(lines)) => Ok(done(StatusCode::OK, lines)),
        Some(Err(error)) => Err(not_found(&format!("{error:#}"), json!({ "modules": names(&api) }))),
        None => Err(Refused::new(
            StatusCode::NOT_FOUND,
            "no-logs",
            "this base has no starter that keeps the lines of its modules",
            "add one to the base's `Cargo.toml`: `bedplate-starter-telemetry`",
        )),
    }
}

fn names(api: &Api) -> Value {
    let mut names: Vec<_> = api.base.modules().into_iter().map(|info| info.instance.module).collect();
    names.dedup();
    json!(names)
}
