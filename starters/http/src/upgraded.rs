//! A socket whose connection became something else: used by a module's task, and ended by the base.
//!
//! At the drain's deadline the base takes the socket away, whatever the module does with its end of it. Where
//! it is a WebSocket, its client is told to come again: the closing frame goes out between two frames of the
//! module's, and the client's answer is waited for.

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::frames::{Frames, close_frame};

/// How long a module may take to end the frame that it is in, and then a client to close.
const CLOSING: Duration = Duration::from_secs(1);

/// What a connection became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    WebSocket,
    Other,
}

/// A socket that a module uses, and the base may take.
pub(crate) struct Upgraded<T> {
    state: Mutex<State<T>>,
    /// Told when there is no reason to wait for the module any more.
    changed: Notify,
}

struct State<T> {
    /// `None` when it was taken, or dropped.
    socket: Option<T>,
    /// Of a WebSocket.
    frames: Option<Frames>,
    use_: Use,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// What the module may do with the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// All.
    Open,
    /// End the frame that it is in.
    Finishing,
    /// Nothing.
    Over,
}

impl<T: Read + Write + Unpin> Upgraded<T> {
    pub(crate) fn new(socket: T, protocol: Protocol) -> Arc<Self> {
        let frames = (protocol == Protocol::WebSocket).then(Frames::new);
        let state = State { socket: Some(socket), frames, use_: Use::Open, reader: None, writer: None };
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the socket when `end` comes; returns when it is over.
    pub(crate) async fn watch(self: Arc<Self>, end: impl Future<Output = ()>) {
        {
            // Dropped with what it holds: the drain does not wait for the client.
            let end = pin!(end);
            tokio::select! {
                () = self.changed.notified() => {}
                () = end => {}
            }
        }
        if self.finish() {
            // It may be that nobody will ever end the frame.
            let _ = timeout(CLOSING, self.changed.notified()).await;
        }
        let Some((mut socket, frames)) = self.take() else { return };
        let Some(frames) = frames else { return };
        let _ = timeout(CLOSING, close(&mut socket, &frames)).await;
    }

    /// Lets the module do nothing but end the frame that it is in. Whether it has to.
    fn finish(&self) -> bool {
        let mut state = self.state();
        if state.use_ == Use::Open && state.socket.is_some() {
            state.use_ = Use::Finishing;
        }
        state.use_ == Use::Finishing && state.has_begun_a_frame()
    }

    /// Takes the socket from the module, whose reads and writes fail from now on.
    fn take(&self) -> Option<(T, Option<Frames>)> {
        let (taken, wakers) = {
            let mut state = self.state();
            state.use_ = Use::Over;
            let taken = state.socket.take().map(|socket| (socket, state.frames.take()));
            (taken, [state.reader.take(), state.writer.take()])
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
        taken
    }

    /// The module has let the socket go: it is closed, but where the base is about to end it itself.
    pub(crate) fn let_go(&self, is_ending: bool) {
        let socket = {
            let mut state = self.state();
            // Nobody will end the frame.
            state.use_ = Use::Over;
            if is_ending { None } else { state.socket.take() }
        };
        drop(socket);
        self.changed.notify_one();
    }

    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let state = &mut *self.state();
        let polled = match (&mut state.socket, state.use_) {
            (Some(socket), Use::Open) => Pin::new(socket).poll_read(cx, buffer),
            (Some(_), Use::Finishing) => Poll::Pending,
            _ => return Poll::Ready(Err(over())),
        };
        kept_on_pending(polled, &mut state.reader, cx)
    }

    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, buffers: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let state = &mut *self.state();
        let Some(socket) = &mut state.socket else { return Poll::Ready(Err(over())) };
        let polled = match (&mut state.frames, state.use_) {
            (frames, Use::Open) => {
                let polled = Pin::new(socket).poll_write_vectored(cx, buffers);
                if let (Some(frames), Poll::Ready(Ok(written))) = (frames, &polled) {
                    note(frames, buffers, *written);
                }
                polled
            }
            (Some(frames), Use::Finishing) if !frames.is_between() => {
                let bytes = buffers.iter().find(|buffer| !buffer.is_empty()).map_or(&[][..], |buffer| &**buffer);
                let polled = Pin::new(socket).poll_write(cx, &bytes[..frames.to_end(bytes)]);
                if let Poll::Ready(Ok(written)) = &polled {
                    frames.sent(&bytes[..*written]);
                    if !state.has_begun_a_frame() {
                        self.changed.notify_one();
                    }
                }
                polled
            }
            _ => return Poll::Ready(Err(over())),
        };
        kept_on_pending(polled, &mut state.writer, cx)
    }

    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let state = &mut *self.state();
        let polled = match (&mut state.socket, state.use_) {
            (Some(socket), Use::Open | Use::Finishing) => Pin::new(socket).poll_flush(cx),
            _ => return Poll::Ready(Err(over())),
        };
        kept_on_pending(polled, &mut state.writer, cx)
    }

    /// Goes through even when it is over: it is an end.
    pub(crate) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let state = &mut *self.state();
        let polled = match (&mut state.socket, state.use_) {
            (Some(socket), Use::Open | Use::Finishing) => Pin::new(socket).poll_shutdown(cx),
            _ => return Poll::Ready(Ok(())),
        };
        kept_on_pending(polled, &mut state.writer, cx)
    }
}

impl<T> State<T> {
    fn has_begun_a_frame(&self) -> bool {
        self.frames.as_ref().is_some_and(|frames| !frames.is_between() && !frames.is_closed())
    }
}

/// Keeps who is to be woken when the socket is taken: the socket itself will not do it then.
fn kept_on_pending<R>(polled: Poll<R>, kept: &mut Option<Waker>, cx: &Context<'_>) -> Poll<R> {
    if polled.is_pending() {
        match kept {
            Some(kept) => kept.clone_from(cx.waker()),
            None => *kept = Some(cx.waker().clone()),
        }
    }
    polled
}

fn note(frames: &mut Frames, buffers: &[IoSlice<'_>], mut written: usize) {
    for buffer in buffers {
        let part = written.min(buffer.len());
        frames.sent(&buffer[..part]);
        written -= part;
    }
}

/// Says goodbye where the module has not, and waits until the client has closed.
async fn close<T: Read + Write + Unpin>(socket: &mut T, frames: &Frames) -> io::Result<()> {
    if frames.is_between() {
        let mut rest = &close_frame()[..];
        while !rest.is_empty() {
            let written = poll_fn(|cx| Pin::new(&mut *socket).poll_write(cx, rest)).await?;
            if written == 0 {
                return Err(ErrorKind::WriteZero.into());
            }
            rest = &rest[written..];
        }
    }
    poll_fn(|cx| Pin::new(&mut *socket).poll_flush(cx)).await?;
    poll_fn(|cx| Pin::new(&mut *socket).poll_shutdown(cx)).await?;
    // Closed with something unread, the socket would take back what was sent.
    let mut unread = [0; 1024];
    poll_fn(|cx| {
        loop {
            let mut buffer = ReadBuf::new(&mut unread);
            ready!(Pin::new(&mut *socket).poll_read(cx, buffer.unfilled()))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    })
    .await
}

fn over() -> io::Error {
    io::Error::new(ErrorKind::ConnectionAborted, "the module that had taken the connection over was stopped")
}

#[cfg(test)]
#[path = "upgraded_tests.rs"]
mod tests;
