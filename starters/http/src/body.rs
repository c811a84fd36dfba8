//! The body of a response: where its module still feeds it, it holds the module's instance.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use bedplate::isolation::StreamGuard;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::{Frame, SizeHint};

/// The body of a response.
///
/// A body that comes in pieces holds its module's instance against the drain until it has ended. It runs
/// as the module: a panic closes the connection and nothing else. It ends, as an error, where the
/// drain's deadline has passed.
pub struct ServedBody {
    inner: Body,
    stream: Option<Stream>,
}

struct Stream {
    guard: Arc<StreamGuard>,
    /// Made when the body has to wait for the first time, or ends.
    cancelled: Option<BoxFuture<'static, ()>>,
}

impl ServedBody {
    pub(crate) fn new(inner: Body, guard: Option<StreamGuard>) -> Self {
        Self { inner, stream: guard.map(|guard| Stream { guard: Arc::new(guard), cancelled: None }) }
    }

    /// Takes what holds the instance, for a connection that goes on as something else.
    pub(crate) fn take_guard(&mut self) -> Option<Arc<StreamGuard>> {
        self.stream.take().map(|stream| stream.guard)
    }

    /// Ends the body: drops what is left of it as the module, then lets the instance go.
    fn end(&mut self) {
        if let Some(stream) = self.stream.take() {
            let rest = std::mem::take(&mut self.inner);
            // A panic in the drop is counted by the guard, and there is nothing more to close.
            let _ = stream.guard.run(|| drop(rest));
        }
    }
}

impl Stream {
    fn poll(&mut self, inner: &mut Body, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let Some(polled) = self.guard.run(|| Pin::new(inner).poll_frame(cx)) else {
            return Poll::Ready(Some(Err(axum::Error::new("the module panicked while it sent its response"))));
        };
        if let Poll::Ready(Some(_)) = polled {
            return polled;
        }
        // What feeds it is cancelled as well: its end is then none that the module has meant.
        match self.cancelled.get_or_insert_with(|| cancelled(&self.guard)).as_mut().poll(cx) {
            Poll::Ready(()) => {
                Poll::Ready(Some(Err(axum::Error::new("the module was stopped while it sent its response"))))
            }
            Poll::Pending => polled,
        }
    }
}

/// Waits until the stream must end, as a future that can be kept beside what it ends.
pub(crate) fn cancelled(guard: &Arc<StreamGuard>) -> BoxFuture<'static, ()> {
    let guard = guard.clone();
    Box::pin(async move { guard.cancelled().await })
}

impl HttpBody for ServedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let Some(stream) = &mut this.stream else {
            return Pin::new(&mut this.inner).poll_frame(cx);
        };
        let polled = stream.poll(&mut this.inner, cx);
        if let Poll::Ready(None | Some(Err(_))) = &polled {
            this.end();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for ServedBody {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for ServedBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServedBody").field("streams", &self.stream.is_some()).finish_non_exhaustive()
    }
}
