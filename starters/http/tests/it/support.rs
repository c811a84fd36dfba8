//! Modules of a router each, and a client with a connection of its own.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{Exports, Module, ModuleSpec, Result};
use bedplate_starter_http::{Http, Routes, RoutesExt};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// A module that exports what a function makes.
struct Serves {
    make: Arc<dyn Fn() -> Vec<Routes> + Send + Sync>,
}

impl Module for Serves {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        for routes in (self.make)() {
            to.routes(routes);
        }
    }
}

/// A module that exports one router.
pub(crate) fn module(name: &str, make: impl Fn() -> Router + Send + Sync + 'static) -> ModuleSpec {
    exporting(name, move || vec![Routes::new(make())])
}

/// A module that exports several.
pub(crate) fn exporting(name: &str, make: impl Fn() -> Vec<Routes> + Send + Sync + 'static) -> ModuleSpec {
    let make: Arc<dyn Fn() -> Vec<Routes> + Send + Sync> = Arc::new(make);
    ModuleSpec::plain(name, move |_| Ok(Serves { make: make.clone() })).unwrap()
}

pub(crate) fn http() -> TestBaseBuilder {
    TestBase::builder().starter::<Http>()
}

/// One HTTP/1.1 connection.
pub(crate) struct Connection {
    sender: SendRequest<Body>,
    /// Ends with the connection.
    pub(crate) driver: JoinHandle<hyper::Result<()>>,
}

impl Connection {
    pub(crate) async fn open(base: &TestBase) -> Result<Self> {
        let stream = TcpStream::connect(base.starter::<Http>().await?.local_address()).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        Ok(Self { sender, driver: tokio::spawn(connection) })
    }

    /// Sends a request as soon as the connection takes one; its response comes when the future is awaited.
    pub(crate) async fn send(
        &mut self,
        request: Request<Body>,
    ) -> Result<impl Future<Output = hyper::Result<Response<Incoming>>> + Send + use<>> {
        self.sender.ready().await?;
        Ok(self.sender.send_request(request))
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<(Response<()>, Bytes)> {
        let request = Request::get(path).header("host", "localhost").body(Body::empty())?;
        whole(self.send(request).await?.await?).await
    }
}

pub(crate) async fn whole(response: Response<Incoming>) -> Result<(Response<()>, Bytes)> {
    let (parts, body) = response.into_parts();
    Ok((Response::from_parts(parts, ()), body.collect().await?.to_bytes()))
}
