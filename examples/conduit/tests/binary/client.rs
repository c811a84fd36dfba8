//! Requests as a client of Conduit makes them: with a token, with JSON.

use std::net::SocketAddr;

pub(crate) use bedplate_tests::http::{Answer, Connection, get};
use serde_json::Value;

/// Sends a request on a connection that is kept open; `None` where that was closed before the answer began.
pub(crate) fn send(
    connection: &mut Connection,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Option<Answer> {
    let token = token.map(|token| format!("Token {token}"));
    let mut headers = vec![("content-type", "application/json")];
    headers.extend(token.iter().map(|token| ("authorization", token.as_str())));
    connection.send(method, path, &headers, &body.map(Value::to_string).unwrap_or_default())
}

/// One request on a connection of its own.
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Answer {
    let mut connection = Connection::open(address).expect("the base listens");
    send(&mut connection, method, path, token, body).expect("the base answers")
}
