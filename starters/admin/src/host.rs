//! Who may ask: on the loopback interface, only those who asked for this machine by name.
//!
//! A page in a browser can make its own name lead to 127.0.0.1 (DNS rebinding) and read what answers
//! there. The `Host` header still carries the page's name.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;

use crate::answer;

/// Lets a request through where its `Host` suits the address that the interface listens on.
pub(crate) async fn check(State(address): State<SocketAddr>, request: Request, next: Next) -> Response {
    if address.ip().is_loopback() && !is_local(request.headers()) {
        let message = "the `Host` header names another machine: ask for `localhost` or `127.0.0.1`";
        return answer::error(StatusCode::FORBIDDEN, "foreign_host", message, Value::Null);
    }
    next.run(request).await
}

fn is_local(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    host.to_str().is_ok_and(|host| is_local_name(without_port(host)))
}

fn without_port(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    }
}

fn is_local_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // Browsers and resolvers keep `localhost` and all below it on this machine.
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(hosts: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for host in hosts {
            headers.append(header::HOST, axum::http::HeaderValue::from_static(host));
        }
        is_local(&headers)
    }

    #[test]
    fn names_of_this_machine() {
        for host in ["localhost", "LOCALHOST:9090", "127.0.0.1", "127.0.0.2:80", "[::1]:9090", "conduit.localhost:1"] {
            assert!(allows(&[host]), "{host}");
        }
    }

    #[test]
    fn names_of_others() {
        for host in
            ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:9090", "10.0.0.1", "[2001:db8::1]", ""]
        {
            assert!(!allows(&[host]), "{host}");
        }
        assert!(!allows(&[]));
        assert!(!allows(&["localhost", "evil.example"]));
    }
}
