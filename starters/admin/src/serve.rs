//! Connections: accepted, bounded in number and in time, and ended with the base.

use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

use crate::caller::Caller;
use crate::socket::AdminSocket;

/// How many connections are served at once; others wait to be accepted.
const MOST: usize = 128;

/// The longest head of a request, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// How long open requests may take when the base ends. They are answered from memory.
pub(crate) const ENDING: Duration = Duration::from_secs(1);

/// The pause after an accept that failed for want of something (file descriptors, memory).
const PAUSE: Duration = Duration::from_millis(100);

/// What connections come from.
pub(crate) trait Accept: Sync {
    type Stream: Send;

    fn next(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Accept for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<UnixStream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

/// What all connections of one listener share.
#[derive(Clone)]
pub(crate) struct Connections {
    router: Router,
    patience: Duration,
    tasks: TaskTracker,
    stop: CancellationToken,
    room: Arc<Semaphore>,
}

impl Connections {
    /// Requests go to `router`; a client may take `patience` for the head of each.
    pub(crate) fn new(router: Router, patience: Duration, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { router, patience, tasks, stop, room: Arc::new(Semaphore::new(MOST)) }
    }

    /// Accepts what comes over the socket, until the base ends.
    pub(crate) async fn accept_local(self, socket: Arc<AdminSocket>, listener: UnixListener) {
        while let Some((stream, room)) = self.next(&listener).await {
            let Ok(peer) = stream.peer_cred() else { continue };
            if !socket.admits(peer.uid()) {
                tracing::warn!(target: "bedplate::admin", user = peer.uid(), "a user who is not the base's asked, and was turned away");
                continue;
            }
            let caller = Caller::of_socket(&peer);
            let connections = self.clone();
            self.tasks.spawn(async move {
                connections.serve(stream, Some(caller)).await;
                drop(room);
            });
        }
    }

    /// Serves a connection beside the others; the base's end waits for it.
    #[cfg(feature = "remote")]
    pub(crate) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(connection);
    }

    /// What comes of it, unless the base ends before.
    #[cfg(feature = "remote")]
    pub(crate) async fn unless_ended<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            done = work => Some(done),
            () = self.stop.cancelled() => None,
        }
    }

    /// The next connection, with its place among those that are served at once; `None` when the base ends.
    pub(crate) async fn next<L: Accept>(&self, listener: &L) -> Option<(L::Stream, OwnedSemaphorePermit)> {
        loop {
            let accepting = async {
                // The semaphore is never closed.
                let room = self.room.clone().acquire_owned().await.ok()?;
                Some((listener.next().await, room))
            };
            let (accepted, room) = tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                accepted = accepting => accepted?,
            };
            match accepted {
                Ok(stream) => return Some((stream, room)),
                Err(error) if is_of_client(&error) => {}
                Err(error) => {
                    tracing::warn!(target: "bedplate::admin", "a connection cannot be accepted: {error}; next try in {PAUSE:?}");
                    tokio::select! {
                        () = self.stop.cancelled() => return None,
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                }
            }
        }
    }

    /// Serves one connection to its end. Whoever is on the other end of it asks as `caller`; over the network
    /// each request says that itself.
    pub(crate) async fn serve(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        caller: Option<Caller>,
    ) {
        let service = service_fn(|request: Request<Incoming>| {
            let mut router = self.router.clone();
            let mut request = request.map(Body::new);
            if let Some(caller) = caller.clone() {
                request.extensions_mut().insert(caller);
            }
            // A router is always ready.
            async move { Ok::<_, Infallible>(router.call(request).await.into_response()) }
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(self.patience).max_buf_size(LONGEST_HEAD);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    // A client that keeps its request open does not keep the base.
                    () = tokio::time::sleep(ENDING) => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(target: "bedplate::admin", "a connection ended early: {error}");
        }
    }
}

/// Whether the client alone had the fault.
fn is_of_client(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}
