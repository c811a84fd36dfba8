//! Publishes nothing and requires nothing: its object has slices without elements.

#![forbid(unsafe_code)]

mod mark;

use axum::Router;
use axum::routing::get;
use bedplate_starter_http::Routes;
use mark::MARK;

/// Says the build's name, and a word that the base knows too.
#[bedplate::module]
fn plain() -> Routes {
    Routes::new(Router::new().route("/plain", get(|| async { format!("{MARK} {}", common::word().text) })))
}
