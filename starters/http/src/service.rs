//! The service of a whole base: pins a composition for each request, routes it, and completes the answer.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use bedplate::Base;
use pin_project_lite::pin_project;
use tower_service::Service;

use crate::access::AccessLog;
use crate::body::ServedBody;
use crate::error_body;
use crate::handoff::{self, Handoff, Origin};
use crate::request_id::{self, RequestIds};
use crate::settings::HttpSettings;
use crate::stack::{Stack, StackFuture};

/// Serves requests to a base: the same service that its connections use, to be called in the process.
/// Cheap to clone.
#[derive(Clone)]
pub struct HttpService {
    edge: Arc<Edge>,
}

struct Edge {
    base: Base,
    stack: Stack,
    ids: RequestIds,
    access_log: bool,
}

impl HttpService {
    pub(crate) fn new(base: Base, settings: &HttpSettings) -> Result<Self, String> {
        Ok(Self {
            edge: Arc::new(Edge {
                base,
                stack: Stack::new(settings)?,
                ids: RequestIds::new(),
                access_log: settings.access_log,
            }),
        })
    }

    /// Answers one request.
    pub fn handle(&self, request: Request) -> HttpFuture {
        let edge = &*self.edge;
        let id = edge.ids.of(request.headers());
        let log =
            (edge.access_log && AccessLog::is_read()).then(|| AccessLog::begin(request.method(), request.uri(), &id));
        let is_head = *request.method() == Method::HEAD;
        // Here, once: all that the request meets is of this composition.
        let pin = edge.base.pin();
        let origin = pin.is_held().then(|| Origin::of(&request));
        let mut handoff = Handoff { pin: Some(pin), id: Some(id), origin, served: None };
        let inner = handoff::scope(&mut handoff, || edge.stack.call(request));
        HttpFuture { inner, exchange: Some(Exchange { handoff, log, is_head }) }
    }
}

impl Service<Request> for HttpService {
    type Response = Response<ServedBody>;
    type Error = Infallible;
    type Future = HttpFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> HttpFuture {
        self.handle(request)
    }
}

impl fmt::Debug for HttpService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpService").finish_non_exhaustive()
    }
}

pin_project! {
    /// A request that is being answered.
    pub struct HttpFuture {
        #[pin]
        inner: StackFuture,
        // Taken with the answer.
        exchange: Option<Exchange>,
    }
}

struct Exchange {
    handoff: Handoff,
    log: Option<AccessLog>,
    is_head: bool,
}

impl Future for HttpFuture {
    type Output = Result<Response<ServedBody>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let exchange = this.exchange.as_mut().expect("a future is not polled after its end");
        let inner = this.inner;
        // Modules are behind their gates. This is for what is around them: the clone of a module's
        // layer, a layer of this service.
        let poll = || catch_unwind(AssertUnwindSafe(|| inner.poll(cx)));
        let response = match handoff::scope(&mut exchange.handoff, poll) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(response)) => response,
            Err(_) => {
                tracing::error!(target: "bedplate::http", "answering a request panicked; the panic's text is above");
                status(StatusCode::INTERNAL_SERVER_ERROR)
            }
        };
        let exchange = this.exchange.take().expect("it was there a moment ago");
        Poll::Ready(Ok(exchange.complete(response)))
    }
}

impl Exchange {
    /// Adds what every response has.
    fn complete(self, mut response: Response<Body>) -> Response<ServedBody> {
        let Self { handoff, log, is_head } = self;
        let Handoff { pin: _, id, origin: _, served } = handoff;
        let status = response.status();
        if (status.is_client_error() || status.is_server_error()) && !is_head {
            fill(&mut response, id.as_ref());
        }
        if let Some(id) = id {
            response.headers_mut().insert(request_id::HEADER, id);
        }
        if let Some(log) = log {
            log.answered(status, served.as_ref().map(|served| &*served.mount));
        }
        let stream = served.and_then(|served| served.stream);
        response.map(|body| ServedBody::new(body, stream))
    }
}

/// Gives an error that came without a body one.
fn fill(response: &mut Response<Body>, id: Option<&HeaderValue>) {
    let status = response.status();
    let Some((code, message)) = error_body::of_status(status) else { return };
    let is_bare = response.body().is_end_stream() && !response.headers().contains_key(header::CONTENT_TYPE);
    if is_bare {
        let body = error_body::render(status, code, message, id);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        error_body::headers(status, headers);
        *response.body_mut() = Body::from(body);
    }
}

fn status(status: StatusCode) -> Response<Body> {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}
