//! A connection that became something else (a WebSocket) holds the instance that took it over.
//!
//! hyper hands the upgraded connection to the module's own task, where this starter sees nothing of it.
//! But the socket goes along, and what holds the instance goes along with the socket.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bedplate::isolation::StreamGuard;
use hyper::rt::{Read, ReadBufCursor, Write};

use crate::connection::Link;

/// What holds an instance as long as a connection lives; empty while that speaks HTTP.
#[derive(Default)]
pub(crate) struct Held(Mutex<Option<Arc<StreamGuard>>>);

impl Held {
    pub(crate) fn hold(&self, guard: Arc<StreamGuard>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard);
    }

    fn release(&self) {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(held);
    }
}

/// A socket that holds what its connection holds.
pub(crate) struct HeldIo<T> {
    inner: T,
    link: Arc<Link>,
}

impl<T> HeldIo<T> {
    pub(crate) fn new(inner: T, link: Arc<Link>) -> Self {
        Self { inner, link }
    }
}

impl<T> Drop for HeldIo<T> {
    fn drop(&mut self) {
        self.link.held.release();
    }
}

impl<T: Read + Unpin> Read for HeldIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<T: Write + Unpin> Write for HeldIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, buffers)
    }
}
