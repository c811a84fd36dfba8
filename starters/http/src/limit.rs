//! The limit on the size of a request's body.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{StatusCode, header};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::{LengthLimitError, Limited};

/// The limit that axum's own extractors have where nothing else is said, in bytes.
const AXUM_DEFAULT: usize = 2_097_152;

/// Whether a body without a known length grew beyond the limit.
pub(crate) struct Overrun(Arc<AtomicBool>);

impl Overrun {
    pub(crate) fn happened(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Limits the body of a request: refuses it at once where its length says so, else watches it.
pub(crate) fn apply(request: &mut Request, limit: usize) -> Result<Option<Overrun>, StatusCode> {
    if request.body().is_end_stream() {
        return Ok(None);
    }
    if limit > AXUM_DEFAULT {
        // A limit that the module set on its own router is nearer to the handler, and wins.
        DefaultBodyLimit::max(limit).apply(request);
    }
    if let Some(length) = content_length(request) {
        // The connection holds the client to the length that it gave.
        return if length > limit as u64 { Err(StatusCode::PAYLOAD_TOO_LARGE) } else { Ok(None) };
    }
    let happened = Arc::new(AtomicBool::new(false));
    let inner = std::mem::take(request.body_mut());
    *request.body_mut() = Body::new(Watched { inner: Limited::new(inner, limit), happened: happened.clone() });
    Ok(Some(Overrun(happened)))
}

fn content_length(request: &Request) -> Option<u64> {
    match request.headers().get(header::CONTENT_LENGTH) {
        Some(length) => length.to_str().ok()?.parse().ok(),
        None => request.body().size_hint().exact(),
    }
}

/// A body that notes when it is too large.
struct Watched {
    inner: Limited<Body>,
    happened: Arc<AtomicBool>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Err(error)) = &frame
            && error.is::<LengthLimitError>()
        {
            self.happened.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
