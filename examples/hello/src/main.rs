//! A base and its one module, in one file: `GET /hello`.

use axum::{Router, routing::get};
use bedplate_starter_http::Routes;

bedplate::base!();

/// Says hello.
#[bedplate::module]
fn hello() -> Routes {
    Routes::new(Router::new().route("/hello", get(|| async { "hello\n" })))
}
