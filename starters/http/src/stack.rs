//! From a request to the router of the composition that it has pinned, through CORS and compression
//! where they are on.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use axum::routing::future::RouteFuture;
use futures_util::future::BoxFuture;
use pin_project_lite::pin_project;
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use tower_layer::Layer;
use tower_service::Service;

use crate::handoff;
use crate::settings::{CorsSettings, HttpSettings};
use crate::starter::Http;

/// The way to the router.
#[derive(Clone)]
pub(crate) enum Stack {
    /// Straight.
    Plain(Dispatch),
    /// Through layers.
    Layered(BoxCloneSyncService<Request, Response, Infallible>),
}

impl Stack {
    /// The way that the settings ask for.
    pub(crate) fn new(settings: &HttpSettings) -> Result<Self, String> {
        let dispatch = Dispatch::new();
        let cors = cors_layer(&settings.cors)?;
        Ok(match (settings.compression, cors) {
            (false, None) => Self::Plain(dispatch),
            (false, Some(cors)) => Self::Layered(BoxCloneSyncService::new(cors.layer(dispatch))),
            (true, None) => Self::Layered(compressed(dispatch)),
            (true, Some(cors)) => Self::Layered(compressed(cors.layer(dispatch))),
        })
    }

    pub(crate) fn call(&self, request: Request) -> StackFuture {
        match self {
            Self::Plain(dispatch) => StackFuture::Plain { future: dispatch.route(request) },
            Self::Layered(service) => {
                let service = service.clone();
                StackFuture::Layered { future: Box::pin(service.oneshot(request)) }
            }
        }
    }
}

fn compressed<S>(service: S) -> BoxCloneSyncService<Request, Response, Infallible>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
{
    let service = CompressionLayer::new().layer(service);
    BoxCloneSyncService::new(service.map_response(|response: http::Response<_>| response.map(Body::new)))
}

/// The layer for pages of other origins; `None` where no origin is named.
pub(crate) fn cors_layer(settings: &CorsSettings) -> Result<Option<CorsLayer>, String> {
    if settings.origins.is_empty() {
        return Ok(None);
    }
    let origins = match settings.origins.as_slice() {
        [any] if any == "*" => AllowOrigin::any(),
        list => AllowOrigin::list(each::<HeaderValue>(list, "`origins` has an entry that is no origin")?),
    };
    let headers = match settings.headers.as_slice() {
        [any] if any == "*" => AllowHeaders::any(),
        list => AllowHeaders::list(each::<HeaderName>(list, "`headers` has an entry that is no header's name")?),
    };
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_headers(headers)
        .allow_methods(each::<Method>(&settings.methods, "`methods` has an entry that is no method")?)
        .expose_headers(each::<HeaderName>(&settings.expose, "`expose` has an entry that is no header's name")?)
        .allow_credentials(settings.credentials)
        .max_age(settings.max_age);
    Ok(Some(layer))
}

fn each<T: std::str::FromStr>(list: &[String], fault: &str) -> Result<Vec<T>, String> {
    let parse = |entry: &String| match entry.as_str() {
        "*" => Err(format!("{fault}: `*` stands alone")),
        entry => entry.parse().map_err(|_| format!("{fault}: `{entry}`")),
    };
    list.iter().map(parse).collect()
}

pin_project! {
    /// A request on its way.
    #[project = StackProjection]
    pub(crate) enum StackFuture {
        Plain { #[pin] future: RouteFuture<Infallible> },
        Layered { future: BoxFuture<'static, Result<Response, Infallible>> },
    }
}

impl Future for StackFuture {
    type Output = Response;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Response> {
        let polled = match self.project() {
            StackProjection::Plain { future } => future.poll(cx),
            StackProjection::Layered { future } => future.as_mut().poll(cx),
        };
        polled.map(|Ok(response)| response)
    }
}

/// The last step: the router of the composition that the request has pinned.
#[derive(Clone)]
pub(crate) struct Dispatch {
    nothing: Router,
}

impl Dispatch {
    fn new() -> Self {
        let nothing = Router::new().fallback(|| async { StatusCode::SERVICE_UNAVAILABLE });
        Self { nothing: nothing.with_state(()) }
    }

    fn route(&self, request: Request) -> RouteFuture<Infallible> {
        let router = handoff::with_pin(|pin| pin.prepared::<Http>().map(|table| table.router.clone()));
        // Before the first composition there is nothing to serve.
        router.flatten().unwrap_or_else(|| self.nothing.clone()).call(request)
    }
}

impl Service<Request> for Dispatch {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.route(request)
    }
}
