//! A connection that became something else (a WebSocket) holds the instance that took it over, and ends with it.
//!
//! hyper hands the upgraded connection to the module's own task, where this starter sees nothing of it.
//! But the socket goes along, and with the socket go what holds the instance and what ends the connection.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bedplate::isolation::StreamGuard;
use futures_util::future::BoxFuture;
use hyper::rt::{Read, ReadBufCursor, Write};

use crate::body::cancelled;
use crate::connection::Link;

/// A socket that holds what its connection holds, and fails when that is cancelled.
pub(crate) struct HeldIo<T> {
    inner: T,
    link: Arc<Link>,
    // One for each direction: they may be polled by two tasks, and a future wakes the last that polled it.
    reading: Cancelled,
    writing: Cancelled,
}

/// Made when a direction has to wait for the first time.
#[derive(Default)]
struct Cancelled(Option<BoxFuture<'static, ()>>);

impl Cancelled {
    /// Polls the socket, unless the drain's deadline has passed, and wakes when it does.
    fn or_poll<R>(
        &mut self,
        held: Option<&Arc<StreamGuard>>,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let Some(guard) = held else { return poll(cx) };
        if guard.is_cancelled() {
            return Poll::Ready(Err(aborted()));
        }
        let polled = poll(cx);
        if polled.is_ready() {
            return polled;
        }
        let cancelled = self.0.get_or_insert_with(|| cancelled(guard));
        cancelled.as_mut().poll(cx).map(|()| Err(aborted()))
    }
}

fn aborted() -> io::Error {
    io::Error::new(ErrorKind::ConnectionAborted, "the module that had taken the connection over was stopped")
}

impl<T> HeldIo<T> {
    pub(crate) fn new(inner: T, link: Arc<Link>) -> Self {
        Self { inner, link, reading: Cancelled::default(), writing: Cancelled::default() }
    }
}

impl<T: Write + Unpin> HeldIo<T> {
    fn poll_writing<R>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let inner = Pin::new(&mut self.inner);
        self.writing.or_poll(self.link.held.get(), cx, |cx| poll(inner, cx))
    }
}

impl<T: Read + Unpin> Read for HeldIo<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let inner = Pin::new(&mut this.inner);
        this.reading.or_poll(this.link.held.get(), cx, |cx| inner.poll_read(cx, buffer))
    }
}

impl<T: Write + Unpin> Write for HeldIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_writing(cx, |inner, cx| inner.poll_write(cx, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_writing(cx, T::poll_flush)
    }

    /// Goes through even when the connection was cancelled: it is an end.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_writing(cx, |inner, cx| inner.poll_write_vectored(cx, buffers))
    }
}
