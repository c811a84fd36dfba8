//! Whether a response is complete when its handler ends, or a stream of its module goes on.
//!
//! Nearly every body is one piece of bytes that is there already. It is taken out of the module's hands
//! inside the entry, so that nothing of the module is needed, counted or caught afterwards.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

/// The largest body that is looked into. A larger one may be a file that is read in pieces.
const LARGEST: u64 = 64 * 1024;

/// What remains of the module in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Nothing.
    Complete,
    /// A body that it feeds, or a connection that it took over.
    Streams,
}

/// A response whose body has not been looked into.
pub(crate) struct Settle(Response);

impl Settle {
    pub(crate) fn new(response: Response) -> Self {
        Self(response)
    }

    /// Takes the body where it is complete. Leaves an empty response behind.
    pub(crate) fn step(&mut self, cx: &mut Context<'_>) -> (Response, Settled) {
        let mut response = std::mem::take(&mut self.0);
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return (response, Settled::Streams);
        }
        if response.body().is_end_stream() {
            return (response, Settled::Complete);
        }
        if response.body().size_hint().exact().is_none_or(|size| size > LARGEST) {
            return (response, Settled::Streams);
        }
        let body = response.body_mut();
        let first = match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Pending => return (response, Settled::Streams),
            Poll::Ready(None) => {
                *body = Body::empty();
                return (response, Settled::Complete);
            }
            Poll::Ready(Some(first)) => first,
        };
        let (rest, settled) = match first {
            Ok(frame) if body.is_end_stream() => match frame.into_data() {
                Ok(bytes) => (Body::from(bytes), Settled::Complete),
                Err(frame) => (resumed(Ok(frame), std::mem::take(body)), Settled::Streams),
            },
            first => (resumed(first, std::mem::take(body)), Settled::Streams),
        };
        *body = rest;
        (response, settled)
    }
}

fn resumed(first: Result<Frame<Bytes>, axum::Error>, rest: Body) -> Body {
    Body::new(Resumed { first: Some(first), rest })
}

/// A body whose first frame has been read already.
struct Resumed {
    first: Option<Result<Frame<Bytes>, axum::Error>>,
    rest: Body,
}

impl HttpBody for Resumed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(first)),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read = match &self.first {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len) as u64,
            _ => 0,
        };
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + read);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + read);
        }
        hint
    }
}
