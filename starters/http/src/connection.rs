//! One connection: HTTP/1.1 or HTTP/2, until its client, its idleness or the base ends it.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Request, Response, StatusCode, Version, header};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use pin_project_lite::pin_project;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::body::ServedBody;
use crate::service::{HttpFuture, HttpService};
use crate::upgrade::{Held, HeldIo};
use crate::upgraded::Protocol;

/// How long a connection without a request may take to close itself once it was asked to.
const CLOSING: Duration = Duration::from_secs(1);

/// What all connections of a base share.
pub(crate) struct Connections {
    pub(crate) service: HttpService,
    idle_timeout: Duration,
    peer_address: bool,
    builder: auto::Builder<TokioExecutor>,
    /// Every response over HTTP/1 asks the client to close its connection.
    closing: AtomicBool,
    /// Connections end with the request that they have.
    pub(crate) close: CancellationToken,
    /// Connections end now.
    pub(crate) abort: CancellationToken,
    /// What ends connections that became something else.
    pub(crate) upgraded: TaskTracker,
}

impl Connections {
    pub(crate) fn new(service: HttpService, idle_timeout: Duration, peer_address: bool) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // Slow heads end with the idle timeout, which costs a timer per connection and none per request.
        builder.http1().header_read_timeout(None);
        builder.http2().timer(TokioTimer::new());
        let (close, abort) = (CancellationToken::new(), CancellationToken::new());
        Self {
            service,
            idle_timeout,
            peer_address,
            builder,
            closing: AtomicBool::new(false),
            close,
            abort,
            upgraded: TaskTracker::new(),
        }
    }

    /// From now on every response over HTTP/1 asks the client to close its connection.
    pub(crate) fn ask_to_close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    /// Serves one connection to its end.
    pub(crate) async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        // Answers are written at once; a socket that refuses this works all the same.
        let _ = stream.set_nodelay(true);
        let link = Link::new(self.clone());
        let service = ConnectionService { link: link.clone(), peer: self.peer_address.then_some(peer) };
        let io = HeldIo::new(TokioIo::new(stream), link.clone());
        let mut connection = pin!(self.builder.serve_connection_with_upgrades(io, service));
        let mut idle = pin!(sleep(self.idle_timeout));
        let mut seen = link.begun();
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
                    let begun = link.begun();
                    let is_idle = begun == seen && link.is_idle();
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

/// What the parts of one connection share.
pub(crate) struct Link {
    connections: Arc<Connections>,
    begun: AtomicU64,
    at_work: AtomicUsize,
    /// What holds an instance since the connection became something else. The socket has the link to the
    /// last, so that the instance is let go with the socket.
    pub(crate) held: OnceLock<Held>,
}

impl Link {
    fn new(connections: Arc<Connections>) -> Arc<Self> {
        Arc::new(Self { connections, begun: AtomicU64::new(0), at_work: AtomicUsize::new(0), held: OnceLock::new() })
    }

    /// Runs what ends the connection after it became something else.
    pub(crate) fn watch(&self, ending: impl Future<Output = ()> + Send + 'static) {
        self.connections.upgraded.spawn(ending);
    }

    fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    fn is_idle(&self) -> bool {
        self.at_work.load(Ordering::Relaxed) == 0
    }
}

/// One request at work, until its response's last byte was taken.
struct AtWork(Arc<Link>);

impl AtWork {
    fn begin(link: &Arc<Link>) -> Self {
        link.begun.fetch_add(1, Ordering::Relaxed);
        link.at_work.fetch_add(1, Ordering::Relaxed);
        Self(link.clone())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.at_work.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The service as one connection has it.
struct ConnectionService {
    link: Arc<Link>,
    peer: Option<SocketAddr>,
}

impl hyper::service::Service<Request<Incoming>> for ConnectionService {
    type Response = Response<ConnectionBody>;
    type Error = Infallible;
    type Future = ConnectionFuture;

    fn call(&self, request: Request<Incoming>) -> ConnectionFuture {
        let at_work = Some(AtWork::begin(&self.link));
        let is_http1 = request.version() <= Version::HTTP_11;
        let mut request = request.map(Body::new);
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        ConnectionFuture { inner: self.link.connections.service.handle(request), at_work, is_http1 }
    }
}

pin_project! {
    struct ConnectionFuture {
        #[pin]
        inner: HttpFuture,
        // Goes to the body with the response.
        at_work: Option<AtWork>,
        is_http1: bool,
    }
}

impl Future for ConnectionFuture {
    type Output = Result<Response<ConnectionBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(mut response) = ready!(this.inner.poll(cx));
        let at_work = this.at_work.take();
        if let Some(AtWork(link)) = &at_work {
            if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                if let Some(guard) = response.body_mut().take_guard() {
                    // Set once: this is the last response of the connection.
                    let _ = link.held.set(Held { guard, protocol: protocol_of(&response) });
                }
            } else if *this.is_http1 && link.connections.closing.load(Ordering::Relaxed) {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
        }
        Poll::Ready(Ok(response.map(|inner| ConnectionBody { inner, _at_work: at_work })))
    }
}

/// What a connection becomes with this response.
fn protocol_of<B>(response: &Response<B>) -> Protocol {
    let upgrade = response.headers().get(header::UPGRADE);
    let is_websocket = upgrade.is_some_and(|upgrade| upgrade.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if is_websocket { Protocol::WebSocket } else { Protocol::Other }
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
