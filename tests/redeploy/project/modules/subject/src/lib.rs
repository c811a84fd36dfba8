//! What the tests write faults into. This is how it is in order.

#![forbid(unsafe_code)]

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use bedplate::{Exports, Module};
use bedplate_starter_http::RoutesExt;

/// Has no fault yet.
#[bedplate::module]
pub struct Subject {}

impl Module for Subject {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        to.routes(Router::new().route("/subject", get(|| async { "in order" })));
    }
}
