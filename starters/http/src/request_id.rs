//! The id of a request: taken from the client where it is sane, made otherwise.

use std::convert::Infallible;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use bytes::{BufMut, BytesMut};

use crate::handoff;

/// The header that carries the id, in both directions.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken from a client.
const LONGEST: usize = 128;

/// The id of the request that is at work: in the log, on the response, in the bodies of errors.
///
/// As an extractor it is there in every handler. It is empty only for a router that is called by
/// itself, outside of a base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(String);

impl RequestId {
    /// The id of the request whose handler runs on this thread now, if one does.
    #[must_use]
    pub fn current() -> Option<Self> {
        handoff::request_id().map(|id| Self(text(&id).to_owned()))
    }

    /// The id as text: visible ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::current().unwrap_or_else(|| Self(String::new())))
    }
}

/// The text of an id that this module made or let through.
pub(crate) fn text(id: &HeaderValue) -> &str {
    id.to_str().unwrap_or_default()
}

/// Makes ids: no two alike in one process, and not likely in two.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        let (process, first) = uuid::Uuid::new_v4().as_u64_pair();
        Self { process, next: AtomicU64::new(first) }
    }

    /// The client's id where it is sane, else a new one.
    pub(crate) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        match headers.get(HEADER) {
            Some(id) if is_sane(id.as_bytes()) => id.clone(),
            _ => self.make(),
        }
    }

    fn make(&self) -> HeaderValue {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut id = BytesMut::with_capacity(32);
        put_hex(&mut id, self.process);
        put_hex(&mut id, number);
        HeaderValue::from_maybe_shared(id.freeze()).expect("hexadecimal digits are visible ASCII")
    }
}

fn put_hex(to: &mut BytesMut, number: u64) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in number.to_be_bytes() {
        to.put_u8(DIGITS[usize::from(byte >> 4)]);
        to.put_u8(DIGITS[usize::from(byte & 15)]);
    }
}

/// What may stand in a log line and in JSON as it is.
fn is_sane(id: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=@".contains(byte);
    !id.is_empty() && id.len() <= LONGEST && id.iter().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_have_32_digits() {
        let ids = RequestIds::new();
        let (one, other) = (ids.make(), ids.make());
        assert_ne!(one, other);
        assert_eq!(text(&one).len(), 32);
        assert!(is_sane(one.as_bytes()));
    }

    #[test]
    fn a_clients_id_is_kept_where_it_is_sane() {
        let ids = RequestIds::new();
        let given = |id: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_static(id));
            text(&ids.of(&headers)).to_owned()
        };
        assert_eq!(given("trace-4711.a"), "trace-4711.a");
        assert_ne!(given("two words"), "two words");
        assert_ne!(given("\"quoted\""), "\"quoted\"");
        assert_ne!(given(""), "");
    }
}
