//! One connection: HTTP/1.1 or HTTP/2, until its client, its idleness or the base ends it.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use pin_project_lite::pin_project;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::body::ServedBody;
use crate::service::{HttpFuture, HttpService};
use crate::upgrade::{Held, HeldIo};

/// How long a connection without a request may take to close itself once it was asked to.
const CLOSING: Duration = Duration::from_secs(1);

/// What all connections of a base share.
pub(crate) struct Connections {
    pub(crate) service: HttpService,
    pub(crate) idle_timeout: Duration,
    pub(crate) peer_address: bool,
    builder: auto::Builder<TokioExecutor>,
    /// Connections end with the request that they have.
    pub(crate) close: CancellationToken,
    /// Connections end now.
    pub(crate) abort: CancellationToken,
}

impl Connections {
    pub(crate) fn new(service: HttpService, idle_timeout: Duration, peer_address: bool) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // Slow heads end with the idle timeout, which costs a timer per connection and none per request.
        builder.http1().header_read_timeout(None);
        builder.http2().timer(TokioTimer::new());
        let (close, abort) = (CancellationToken::new(), CancellationToken::new());
        Self { service, idle_timeout, peer_address, builder, close, abort }
    }

    /// Serves one connection to its end.
    pub(crate) async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        // Answers are written at once; a socket that refuses this works all the same.
        let _ = stream.set_nodelay(true);
        let activity = Arc::new(Activity::default());
        let held = Held::default();
        let service = ConnectionService {
            service: self.service.clone(),
            peer: self.peer_address.then_some(peer),
            activity: activity.clone(),
            held: held.clone(),
        };
        let io = HeldIo::new(TokioIo::new(stream), held);
        let mut connection = pin!(self.builder.serve_connection_with_upgrades(io, service));
        let mut idle = pin!(sleep(self.idle_timeout));
        let mut seen = activity.begun();
        let mut closing = false;
        loop {
            tokio::select! {
                biased;
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(target: "bedplate::http", %peer, "a connection ended early: {error}");
                    }
                    return;
                }
                () = self.close.cancelled(), if !closing => {
                    closing = true;
                    connection.as_mut().graceful_shutdown();
                    idle.as_mut().reset(Instant::now() + CLOSING);
                }
                () = self.abort.cancelled() => return,
                () = idle.as_mut() => {
                    let begun = activity.begun();
                    let is_idle = begun == seen && activity.is_idle();
                    seen = begun;
                    if is_idle && closing {
                        return;
                    }
                    if is_idle {
                        closing = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    let next = if closing { CLOSING } else { self.idle_timeout };
                    idle.as_mut().reset(Instant::now() + next);
                }
            }
        }
    }
}

/// What a connection is doing.
#[derive(Default)]
struct Activity {
    begun: AtomicU64,
    at_work: AtomicUsize,
}

impl Activity {
    fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    fn is_idle(&self) -> bool {
        self.at_work.load(Ordering::Relaxed) == 0
    }
}

/// One request at work, until its response's last byte was taken.
struct AtWork(Arc<Activity>);

impl AtWork {
    fn begin(activity: &Arc<Activity>) -> Self {
        activity.begun.fetch_add(1, Ordering::Relaxed);
        activity.at_work.fetch_add(1, Ordering::Relaxed);
        Self(activity.clone())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The service as one connection has it.
struct ConnectionService {
    service: HttpService,
    peer: Option<SocketAddr>,
    activity: Arc<Activity>,
    held: Held,
}

impl hyper::service::Service<Request<Incoming>> for ConnectionService {
    type Response = Response<ConnectionBody>;
    type Error = Infallible;
    type Future = ConnectionFuture;

    fn call(&self, request: Request<Incoming>) -> ConnectionFuture {
        let at_work = Some(AtWork::begin(&self.activity));
        let mut request = request.map(Body::new);
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        ConnectionFuture { inner: self.service.handle(request), at_work, held: self.held.clone() }
    }
}

pin_project! {
    struct ConnectionFuture {
        #[pin]
        inner: HttpFuture,
        at_work: Option<AtWork>,
        held: Held,
    }
}

impl Future for ConnectionFuture {
    type Output = Result<Response<ConnectionBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(mut response) = ready!(this.inner.poll(cx));
        if response.status() == StatusCode::SWITCHING_PROTOCOLS
            && let Some(guard) = response.body_mut().take_guard()
        {
            this.held.hold(guard);
        }
        let at_work = this.at_work.take();
        Poll::Ready(Ok(response.map(|inner| ConnectionBody { inner, _at_work: at_work })))
    }
}

pin_project! {
    struct ConnectionBody {
        #[pin]
        inner: ServedBody,
        _at_work: Option<AtWork>,
    }
}

impl HttpBody for ConnectionBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
