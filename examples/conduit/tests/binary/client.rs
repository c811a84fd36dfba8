//! A client for HTTP/1.1, as small as can be: so that the tests see what is on the wire.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::process::PATIENCE;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Whether the server will close the connection after this.
    pub(crate) fn closes(&self) -> bool {
        self.head.to_ascii_lowercase().contains("connection: close")
    }
}

/// A connection that is kept open.
pub(crate) struct Connection {
    stream: TcpStream,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Some(Self { stream })
    }

    /// Sends a request and reads its answer; `None` where the connection was closed before the
    /// answer began.
    ///
    /// Panics where it is closed within an answer.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Option<Answer> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let token = token.map(|token| format!("authorization: Token {token}\r\n")).unwrap_or_default();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n{token}content-length: {length}\r\n\r\n{body}"
        );
        self.stream.write_all(head.as_bytes()).ok()?;
        self.read()
    }

    fn read(&mut self) -> Option<Answer> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            if let Some(answer) = parse(&bytes) {
                return Some(answer);
            }
            let count = match self.stream.read(&mut buffer) {
                Ok(count) => count,
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&bytes)),
            };
            if count == 0 {
                assert!(bytes.is_empty(), "closed within an answer: {:?}", String::from_utf8_lossy(&bytes));
                return None;
            }
            bytes.extend_from_slice(&buffer[..count]);
        }
    }
}

/// The answer, once all of it has arrived.
fn parse(bytes: &[u8]) -> Option<Answer> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length: ").and_then(|length| length.parse().ok())
        })
        .unwrap_or(0);
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    (body.len() >= length).then(|| Answer { status, head: head.to_owned(), body: body.to_owned() })
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
    connection.send(method, path, token, body).expect("the base answers")
}

/// A GET, where somebody listens.
pub(crate) fn get(address: SocketAddr, path: &str) -> Option<Answer> {
    Connection::open(address)?.send("GET", path, None, None)
}
