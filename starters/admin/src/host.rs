//! Who may ask for health: on the loopback interface, only those who asked for this machine by name.

use std::net::SocketAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;

use crate::answer;
use crate::head::{is_local_name, name_of, single};

/// Lets a request through where its `Host` suits the address that the interface listens on.
pub(crate) async fn check(State(address): State<SocketAddr>, request: Request, next: Next) -> Response {
    if address.ip().is_loopback() && !is_local(request.headers()) {
        let message = "the `Host` header names another machine: ask for `localhost` or `127.0.0.1`";
        return answer::error(StatusCode::FORBIDDEN, "foreign_host", message, Value::Null);
    }
    next.run(request).await
}

fn is_local(headers: &HeaderMap) -> bool {
    single(headers, &header::HOST).is_some_and(|host| is_local_name(name_of(host)))
}
