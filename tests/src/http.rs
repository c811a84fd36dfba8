//! A client for HTTP/1.1, as small as can be: so that the tests see what is on the wire.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::process::PATIENCE;

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The status line and the headers.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    ///
    /// Where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Whether the server will close the connection after this.
    #[must_use]
    pub fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// The body, where the answer has this status.
    ///
    /// # Panics
    ///
    /// Where it has another one.
    #[track_caller]
    #[must_use]
    pub fn expect(self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        self.body
    }
}

/// A connection that is kept open.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// What was read and not yet used.
    pub(crate) read: Vec<u8>,
}

impl Connection {
    /// Connects; `None` where nobody listens.
    #[must_use]
    pub fn open(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        Some(Self { stream, read: Vec::new() })
    }

    /// Sends a request and reads its answer; `None` where the connection was closed before the
    /// answer began.
    ///
    /// # Panics
    ///
    /// Where it is closed within an answer.
    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
        self.begin(method, path, headers, body).ok()?;
        self.answer()
    }

    /// Sends a request, and does not wait for its answer.
    ///
    /// # Errors
    ///
    /// Where the connection is closed.
    pub fn begin(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> std::io::Result<()> {
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        self.stream.write_all(format!("{head}\r\n{body}").as_bytes())
    }

    /// Reads the answer to what was sent.
    ///
    /// # Panics
    ///
    /// Where the connection is closed within it.
    pub fn answer(&mut self) -> Option<Answer> {
        let head = self.head()?;
        let status = status(&head);
        let body = match header(&head, "transfer-encoding") {
            Some(_) => crate::stream::whole(self),
            None => {
                let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
                self.take(length).expect("closed within an answer")
            }
        };
        Some(Answer { status, head, body: String::from_utf8(body).unwrap() })
    }

    /// Reads the head of an answer; `None` where the connection was closed before it began.
    pub(crate) fn head(&mut self) -> Option<String> {
        const END: &[u8] = b"\r\n\r\n";
        loop {
            if let Some(length) = self.read.windows(END.len()).position(|window| window == END) {
                let head = self.take(length + END.len())?;
                return Some(String::from_utf8(head).unwrap());
            }
            if !self.more() {
                assert!(self.read.is_empty(), "closed within a head: {:?}", String::from_utf8_lossy(&self.read));
                return None;
            }
        }
    }

    /// The next bytes; `None` where the connection is closed before there are so many.
    pub(crate) fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.read.len() < length {
            if !self.more() {
                return None;
            }
        }
        let rest = self.read.split_off(length);
        Some(std::mem::replace(&mut self.read, rest))
    }

    /// Reads more; false where the connection is closed.
    fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match self.stream.read(&mut buffer) {
            Ok(count) => {
                self.read.extend_from_slice(&buffer[..count]);
                count > 0
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&self.read)),
        }
    }
}

pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

pub(crate) fn status(head: &str) -> u16 {
    head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("no status: {head}"))
}

/// One request on a connection of its own.
///
/// # Panics
///
/// Where nobody listens, or nobody answers.
#[must_use]
pub fn request(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut connection = Connection::open(address).expect("the base listens");
    connection.send(method, path, headers, body).expect("the base answers")
}

/// A GET, where somebody listens.
#[must_use]
pub fn get(address: SocketAddr, path: &str) -> Option<Answer> {
    Connection::open(address)?.send("GET", path, &[], "")
}
