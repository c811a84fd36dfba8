//! Says which build it is: by both versions of the contract, and over HTTP.

#![forbid(unsafe_code)]

mod mark;
mod next;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use bedplate::{CallError, Exports, Module};
use bedplate_starter_http::RoutesExt;
use mark::MARK;
use report::Report;

/// Says which build it is.
#[bedplate::module]
pub struct Reporter {}

impl Module for Reporter {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        to.routes(Router::new().route("/reporter", get(|| async { MARK })));
    }
}

#[bedplate::scene_service]
impl Report for Reporter {
    async fn build(&self) -> Result<String, CallError> {
        Ok(format!("build:{MARK}"))
    }

    async fn forget(&self) -> Result<String, CallError> {
        Ok(format!("forget:{MARK}"))
    }
}
