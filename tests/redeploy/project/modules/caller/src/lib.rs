//! Asks the reporter, in every way in which one can ask: in a request, in a stream, in a task.

#![forbid(unsafe_code)]

mod lasting;
mod mark;
mod socket;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use bedplate::{Exports, Module, ModuleContext, ServiceRef};
use bedplate_starter_http::{HttpError, RoutesExt};
use mark::MARK;
use report::Report as _;
use report_next::Report as _;
use serde::Deserialize;

/// Asks the reporter.
#[bedplate::module]
pub struct Caller {
    context: ModuleContext,
    report: ServiceRef<dyn report::Report>,
    next: ServiceRef<dyn report_next::Report>,
}

impl Module for Caller {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        let routes = Router::new()
            .route("/caller", get(|| async { MARK }))
            .route("/caller/twice", get(twice))
            .route("/caller/versions", get(versions))
            .route("/caller/slow", get(slow))
            .route("/caller/lines", get(lasting::lines))
            .route("/caller/watch", get(lasting::watch))
            .route("/caller/stray", get(lasting::stray))
            .route("/caller/socket", get(socket::open));
        to.routes(routes.with_state(self.clone()));
    }
}

/// Asks twice within one request, with an await between: `<own> <first> <second>`.
async fn twice(State(caller): State<Arc<Caller>>) -> Result<String, HttpError> {
    let first = caller.report.build().await?;
    tokio::task::yield_now().await;
    let second = caller.report.build().await?;
    Ok(format!("{MARK} {first} {second}"))
}

/// Asks by both versions of the contract.
async fn versions(State(caller): State<Arc<Caller>>) -> Result<String, HttpError> {
    Ok(format!("{} {}", caller.report.build().await?, caller.next.build().await?))
}

#[derive(Deserialize)]
struct Until {
    /// The file that ends the wait.
    until: PathBuf,
}

/// Asks, waits for a file, and asks again.
async fn slow(State(caller): State<Arc<Caller>>, Query(Until { until }): Query<Until>) -> Result<String, HttpError> {
    let first = caller.report.build().await?;
    while !until.exists() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let second = caller.report.build().await?;
    Ok(format!("{MARK} {first} {second}"))
}
