//! A connection that became something else (a WebSocket) holds the instance that took it over, and ends with it.
//!
//! hyper hands the upgraded connection to the module's own task, where this starter sees nothing of it.
//! But the socket goes along, and with the socket go what holds the instance and what ends the connection.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bedplate::isolation::StreamGuard;
use hyper::rt::{Read, ReadBufCursor, Write};

use crate::body::cancelled;
use crate::connection::Link;
use crate::upgraded::{Protocol, Upgraded};

/// What holds an instance since a connection became something else.
pub(crate) struct Held {
    pub(crate) guard: Arc<StreamGuard>,
    pub(crate) protocol: Protocol,
}

/// A socket that holds what its connection holds, and that the base can take away when that is cancelled.
pub(crate) struct HeldIo<T: Read + Write + Unpin> {
    /// The connection's alone, as long as it speaks HTTP: nothing is locked, and nothing watched.
    own: Option<T>,
    /// From then on: shared with who ends it.
    shared: Option<Arc<Upgraded<T>>>,
    link: Arc<Link>,
}

enum Socket<'a, T> {
    Own(Pin<&'a mut T>),
    Shared(&'a Upgraded<T>),
}

impl<T: Read + Write + Unpin + Send + 'static> HeldIo<T> {
    pub(crate) fn new(inner: T, link: Arc<Link>) -> Self {
        Self { own: Some(inner), shared: None, link }
    }

    fn socket(&mut self) -> Socket<'_, T> {
        if let Some(held) = self.link.held.get()
            && let Some(socket) = self.own.take()
        {
            let shared = Upgraded::new(socket, held.protocol);
            self.link.watch(shared.clone().watch(cancelled(&held.guard)));
            self.shared = Some(shared);
        }
        match &mut self.own {
            Some(own) => Socket::Own(Pin::new(own)),
            None => Socket::Shared(self.shared.as_deref().expect("what is not its own any more is shared")),
        }
    }
}

impl<T: Read + Write + Unpin + Send + 'static> Read for HeldIo<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.socket() {
            Socket::Own(socket) => socket.poll_read(cx, buffer),
            Socket::Shared(shared) => shared.poll_read(cx, buffer),
        }
    }
}

impl<T: Read + Write + Unpin + Send + 'static> Write for HeldIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.socket() {
            Socket::Own(socket) => socket.poll_write(cx, bytes),
            Socket::Shared(shared) => shared.poll_write(cx, &[IoSlice::new(bytes)]),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.socket() {
            Socket::Own(socket) => socket.poll_flush(cx),
            Socket::Shared(shared) => shared.poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.socket() {
            Socket::Own(socket) => socket.poll_shutdown(cx),
            Socket::Shared(shared) => shared.poll_shutdown(cx),
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.own.as_ref().is_none_or(T::is_write_vectored)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.socket() {
            Socket::Own(socket) => socket.poll_write_vectored(cx, buffers),
            Socket::Shared(shared) => shared.poll_write(cx, buffers),
        }
    }
}

impl<T: Read + Write + Unpin> Drop for HeldIo<T> {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            let is_cancelled = self.link.held.get().is_some_and(|held| held.guard.is_cancelled());
            shared.let_go(is_cancelled);
        }
    }
}
