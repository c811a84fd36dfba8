//! Accepts connections, from the first composition to the drain.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::connection::Connections;

/// The pauses after an accept that failed for want of something (file descriptors, memory).
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Accepts connections until `stop`. Connections that wait to be accepted by then still are.
pub(crate) async fn accept(
    listener: TcpListener,
    connections: Arc<Connections>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let mut pause = SHORTEST_PAUSE;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                pause = SHORTEST_PAUSE;
                tasks.spawn(connections.clone().serve(stream, peer));
            }
            Err(error) if is_of_client(&error) => {}
            Err(error) => {
                tracing::warn!(target: "bedplate::http", "a connection cannot be accepted: {error}; next try in {pause:?}");
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
    for (stream, peer) in waiting(listener) {
        tasks.spawn(connections.clone().serve(stream, peer));
    }
}

/// The connections whose clients believe that they are accepted: they wait in the kernel's queue.
fn waiting(listener: TcpListener) -> impl Iterator<Item = (TcpStream, SocketAddr)> {
    let listener = listener.into_std();
    std::iter::from_fn(move || {
        // tokio's listeners do not block: the queue's end is an error.
        let (stream, peer) = listener.as_ref().ok()?.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    })
}

/// Whether the client alone had the fault.
fn is_of_client(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}
