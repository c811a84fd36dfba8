//! The layer around each route of a module: lets the request enter the module's instance.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use axum::routing::Route;
use axum::routing::future::RouteFuture;
use bedplate::isolation::StreamGuard;
use bedplate::{CallError, Entry, EntryKind, Pinned, ServiceError};
use futures_util::future::BoxFuture;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use tracing::Span;

use crate::door::{AtTheDoor, Passed};
use crate::error::status_of;
use crate::handoff::{self, Served};
use crate::limit::{self, Overrun};
use crate::mount::Mount;
use crate::settle::{Settle, Settled};
use crate::{RequestId, error_body};

/// What a request is, for starters that wrap entries: [`Entry::carried`] has one where one of
/// them [wants it](bedplate::Around::wants_carried).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The address that was asked for, as the module sees it: without its prefix.
    pub uri: Uri,
    /// The headers.
    pub headers: HeaderMap,
}

/// Puts the gate of one instance around routes.
#[derive(Clone)]
pub(crate) struct GateLayer {
    mount: Arc<Mount>,
}

impl GateLayer {
    pub(crate) fn new(mount: Arc<Mount>) -> Self {
        Self { mount }
    }
}

impl Layer<Route> for GateLayer {
    type Service = Gate;

    fn layer(&self, inner: Route) -> Gate {
        Gate { inner, of: Arc::new(Gated { mount: self.mount.clone(), label: OnceLock::new() }) }
    }
}

/// A route behind the gate of its instance. axum makes one for each method of each route.
#[derive(Clone)]
pub(crate) struct Gate {
    inner: Route,
    of: Arc<Gated>,
}

struct Gated {
    mount: Arc<Mount>,
    /// The label of the first request that came, which is that of nearly all.
    label: OnceLock<(Method, &'static str)>,
}

impl Gated {
    fn label(&self, request: &Request) -> &'static str {
        let make = || {
            let route = request.extensions().get::<MatchedPath>();
            // A fallback has no route: it is called by the prefix that it stands below.
            let below = || format!("{}/*", self.mount.prefix);
            let label = |route: &str| self.mount.labels.of(request.method(), route);
            route.map_or_else(|| label(&below()), |route| label(route.as_str()))
        };
        let (method, label) = self.label.get_or_init(|| (request.method().clone(), make()));
        if method == request.method() { label } else { make() }
    }
}

impl Service<Request> for Gate {
    type Response = Response;
    type Error = Infallible;
    type Future = GateFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> GateFuture {
        let mount = &self.of.mount;
        let Some(pin) = handoff::take_pin() else {
            // Only a request that came past the base's own service has one.
            return GateFuture::refused(mount.clone(), StatusCode::INTERNAL_SERVER_ERROR);
        };
        if mount.instance.is_open() {
            return self.enter(&pin, request, mount.timeout);
        }
        let waiting = Box::new(AtTheDoor::new(self.clone(), pin, request));
        GateFuture { state: GateState::Waiting { waiting }, mount: None, overrun: None }
    }
}

impl Gate {
    /// Lets a request enter, for what is left of its time.
    pub(crate) fn enter(&mut self, pin: &Pinned, mut request: Request, timeout: Option<Duration>) -> GateFuture {
        let mount = self.of.mount.clone();
        let overrun = match limit::apply(&mut request, mount.body_limit) {
            Ok(overrun) => overrun,
            Err(status) => return GateFuture::refused(mount, status),
        };
        let mut entry = self.entry(&request, timeout);
        if pin.wants_carried() {
            entry = entry.carrying(Arc::new(head(&request)));
        }
        let span = span(&mount);
        let work = Work { state: WorkState::Handling { future: self.inner.call(request) }, mount: mount.clone(), span };
        GateFuture { state: GateState::Inside { entry: enter(&mount, pin, entry, work) }, mount: Some(mount), overrun }
    }

    pub(crate) fn entry(&self, request: &Request, timeout: Option<Duration>) -> Entry {
        let entry = Entry::new(EntryKind::Request, self.of.label(request));
        match timeout {
            Some(timeout) => entry.deadline(timeout),
            None => entry,
        }
    }

    pub(crate) fn mount(&self) -> &Arc<Mount> {
        &self.of.mount
    }
}

fn enter(mount: &Mount, pin: &Pinned, entry: Entry, work: Work) -> BoxFuture<'static, Result<Finished, CallError>> {
    mount.instance.enter(pin, entry, work)
}

fn head(request: &Request) -> RequestHead {
    RequestHead { method: request.method().clone(), uri: request.uri().clone(), headers: request.headers().clone() }
}

/// The span of a request, for what the module logs in it.
fn span(mount: &Mount) -> Span {
    // Asked first: the fields cost more than the span where nobody listens.
    if !tracing::enabled!(target: "bedplate::request", tracing::Level::INFO) {
        return Span::none();
    }
    let request_id = RequestId::current();
    tracing::info_span!(
        target: "bedplate::request",
        "request",
        module = %mount.instance.module(),
        scene = %mount.instance.scene(),
        request_id = request_id.as_ref().map(RequestId::as_str),
    )
}

/// What a module answered, and what holds its instance while the body is sent.
type Finished = (Response, Option<StreamGuard>);

pin_project! {
    /// What runs inside the instance: the handler, and the first step of the body.
    struct Work {
        #[pin]
        state: WorkState,
        mount: Arc<Mount>,
        span: Span,
    }
}

pin_project! {
    #[project = WorkProjection]
    enum WorkState {
        Handling { #[pin] future: RouteFuture<Infallible> },
        Settling { settle: Settle },
    }
}

impl Future for Work {
    type Output = Finished;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Finished> {
        let mut this = self.project();
        let _in_span = this.span.enter();
        loop {
            let next = match this.state.as_mut().project() {
                WorkProjection::Handling { future } => match ready!(future.poll(cx)) {
                    Ok(response) => WorkState::Settling { settle: Settle::new(response) },
                },
                WorkProjection::Settling { settle } => {
                    let (response, settled) = settle.step(cx);
                    let stream = (settled == Settled::Streams).then(|| this.mount.instance.stream());
                    return Poll::Ready((response, stream));
                }
            };
            this.state.set(next);
        }
    }
}

pin_project! {
    /// A request inside an instance, or refused before.
    pub(crate) struct GateFuture {
        state: GateState,
        // Taken when the answer is there.
        mount: Option<Arc<Mount>>,
        overrun: Option<Overrun>,
    }
}

enum GateState {
    Inside {
        entry: BoxFuture<'static, Result<Finished, CallError>>,
    },
    Waiting {
        waiting: Box<AtTheDoor>,
    },
    /// In another composition than the one that this gate belongs to.
    Elsewhere {
        response: Pin<Box<RouteFuture<Infallible>>>,
    },
    Refused {
        status: StatusCode,
    },
}

impl GateFuture {
    pub(crate) fn refused(mount: Arc<Mount>, status: StatusCode) -> Self {
        Self { state: GateState::Refused { status }, mount: Some(mount), overrun: None }
    }
}

impl Future for GateFuture {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let (response, stream) = loop {
            match this.state {
                GateState::Refused { status } => break (bare(*status), None),
                GateState::Inside { entry } => match ready!(entry.as_mut().poll(cx)) {
                    Ok(finished) => break finished,
                    Err(error) => break (of_call_error(&error), None),
                },
                GateState::Waiting { waiting } => match ready!(waiting.poll(cx)) {
                    Passed::In(entered) => {
                        *this.mount = entered.mount;
                        *this.overrun = entered.overrun;
                        *this.state = entered.state;
                    }
                    Passed::Elsewhere(response) => *this.state = GateState::Elsewhere { response },
                    Passed::Refused(mount, error) => {
                        *this.mount = Some(mount);
                        break (of_call_error(&error), None);
                    }
                },
                // The gate there says who served.
                GateState::Elsewhere { response } => return response.as_mut().poll(cx),
            }
        };
        let response = match this.overrun {
            Some(overrun) if overrun.happened() && response.status().is_client_error() => {
                bare(StatusCode::PAYLOAD_TOO_LARGE)
            }
            _ => response,
        };
        if let Some(mount) = this.mount.take() {
            handoff::leave(Served { mount, stream });
        }
        Poll::Ready(Ok(response))
    }
}

/// A response of a status alone: the service around gives it a body.
fn bare(status: StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}

/// What the client is told of an entry that was refused or given up. The gate has logged why.
fn of_call_error(error: &CallError) -> Response {
    let status = status_of(error.kind());
    match error {
        CallError::Refused { reason } => error_body::response(status, error_body::code_of(status), reason),
        _ => bare(status),
    }
}
