//! What comes in pieces: chunked bodies, as lines, and the frames of a WebSocket.

use std::net::SocketAddr;

use crate::http::{Connection, status};

/// An answer whose body comes in pieces.
#[derive(Debug)]
pub struct Lines {
    connection: Connection,
    read: Vec<u8>,
    is_ended: bool,
}

/// A body broke off: it did not end as if it were complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokenOff;

impl Lines {
    /// Asks for a path whose body comes in pieces.
    ///
    /// # Panics
    ///
    /// Where it is not answered with 200.
    #[must_use]
    pub fn open(address: SocketAddr, path: &str) -> Self {
        let mut connection = Connection::open(address).expect("the base listens");
        connection.begin("GET", path, &[], "").unwrap();
        let head = connection.head().expect("the base answers");
        assert_eq!(status(&head), 200, "{head}");
        Self { connection, read: Vec::new(), is_ended: false }
    }

    /// The next line; `None` at the body's end.
    ///
    /// # Errors
    ///
    /// Where the body breaks off.
    pub fn next_line(&mut self) -> Result<Option<String>, BrokenOff> {
        loop {
            if let Some(length) = self.read.iter().position(|byte| *byte == b'\n') {
                let rest = self.read.split_off(length + 1);
                let line = std::mem::replace(&mut self.read, rest);
                return Ok(Some(String::from_utf8(line).unwrap().trim_end().to_owned()));
            }
            if self.is_ended {
                return Ok(None);
            }
            match chunk(&mut self.connection) {
                Some(piece) if piece.is_empty() => self.is_ended = true,
                Some(piece) => self.read.extend(piece),
                None => return Err(BrokenOff),
            }
        }
    }

    /// The first line for which this holds, and that is read from now on.
    ///
    /// # Panics
    ///
    /// Where the body ends before.
    pub fn until(&mut self, holds: impl Fn(&str) -> bool) -> String {
        loop {
            let line = self.next_line().expect("the stream breaks off").expect("the stream ends");
            if holds(&line) {
                return line;
            }
        }
    }
}

/// The next piece of a chunked body: empty at its end, `None` where the connection is closed before.
fn chunk(connection: &mut Connection) -> Option<Vec<u8>> {
    let mut size = Vec::new();
    while !size.ends_with(b"\r\n") {
        size.extend(connection.take(1)?);
    }
    let size = std::str::from_utf8(&size).unwrap().trim_end();
    let size = usize::from_str_radix(size, 16).unwrap_or_else(|_| panic!("no size of a piece: {size:?}"));
    let mut piece = connection.take(size + 2)?;
    piece.truncate(size);
    Some(piece)
}

/// The whole of a chunked body.
pub(crate) fn whole(connection: &mut Connection) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let piece = chunk(connection).expect("closed within an answer");
        if piece.is_empty() {
            return body;
        }
        body.extend(piece);
    }
}

/// A WebSocket.
#[derive(Debug)]
pub struct WebSocket {
    connection: Connection,
}

/// What came over a WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Text.
    Text(String),
    /// The server closes, with this code.
    Close(u16),
}

impl WebSocket {
    /// Opens one.
    ///
    /// # Panics
    ///
    /// Where the server does not switch.
    #[must_use]
    pub fn open(address: SocketAddr, path: &str) -> Self {
        let mut connection = Connection::open(address).expect("the base listens");
        let headers = [
            ("connection", "upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        connection.begin("GET", path, &headers, "").unwrap();
        let head = connection.head().expect("the base answers");
        assert_eq!(status(&head), 101, "{head}");
        Self { connection }
    }

    /// The next frame, which is short and whole; `None` where the connection is closed.
    ///
    /// # Panics
    ///
    /// Where it is closed within a frame.
    pub fn next_frame(&mut self) -> Option<Frame> {
        let begin = self.connection.take(2)?;
        assert!(begin[0] & 0x80 != 0 && begin[1] < 126, "a short and whole frame: {begin:?}");
        let payload = self.connection.take(usize::from(begin[1])).expect("closed within a frame");
        Some(match begin[0] & 0x0f {
            0x1 => Frame::Text(String::from_utf8(payload).unwrap()),
            0x8 => Frame::Close(u16::from_be_bytes([payload[0], payload[1]])),
            operation => panic!("a frame of the kind {operation}"),
        })
    }
}
