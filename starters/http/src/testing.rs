//! Requests to a test's base, without a socket.

use std::fmt;
use std::future::IntoFuture;

use anyhow::{Context, bail};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use bedplate::Result;
use bedplate::testing::TestBase;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::starter::Http;

/// Adds `base.http()` to a test's base.
///
/// ```
/// use axum::{Router, routing::get};
/// use bedplate::testing::TestBase;
/// use bedplate::{Exports, Module, ModuleSpec};
/// use bedplate_starter_http::{Http, HttpTest, RoutesExt};
/// use std::sync::Arc;
///
/// struct Hello;
///
/// impl Module for Hello {
///     fn exports(self: &Arc<Self>, to: &mut Exports) {
///         to.routes(Router::new().route("/hello", get(|| async { "hello" })));
///     }
/// }
///
/// let builder = TestBase::builder().starter::<Http>().with(ModuleSpec::plain("hello", |_| Ok(Hello)).unwrap());
/// bedplate::testing::run(builder, |base| async move {
///     let answer = base.http().get("/hello").await?.expect(200)?;
///     assert_eq!(answer.text(), "hello");
///     Ok::<_, bedplate::Error>(())
/// })
/// # .unwrap();
/// ```
pub trait HttpTest {
    /// A client that calls the base's own service: pinning, layers, gates and all, but no socket.
    fn http(&self) -> TestClient;
}

impl HttpTest for TestBase {
    fn http(&self) -> TestClient {
        TestClient { base: self.clone() }
    }
}

/// A client of a test's base.
#[derive(Debug, Clone)]
pub struct TestClient {
    base: TestBase,
}

impl TestClient {
    /// A `GET` of a path.
    pub fn get(&self, path: &str) -> TestRequest {
        self.request(Method::GET, path)
    }

    /// A `POST` to a path.
    pub fn post(&self, path: &str) -> TestRequest {
        self.request(Method::POST, path)
    }

    /// A `PUT` to a path.
    pub fn put(&self, path: &str) -> TestRequest {
        self.request(Method::PUT, path)
    }

    /// A `PATCH` of a path.
    pub fn patch(&self, path: &str) -> TestRequest {
        self.request(Method::PATCH, path)
    }

    /// A `DELETE` of a path.
    pub fn delete(&self, path: &str) -> TestRequest {
        self.request(Method::DELETE, path)
    }

    /// A request with any method.
    pub fn request(&self, method: Method, path: &str) -> TestRequest {
        TestRequest {
            base: self.base.clone(),
            name: format!("{method} {path}"),
            request: Request::builder().method(method).uri(path).body(Body::empty()).map_err(anyhow::Error::from),
        }
    }
}

/// A request that is sent when it is awaited.
#[must_use = "a request is sent when it is awaited"]
pub struct TestRequest {
    base: TestBase,
    name: String,
    request: Result<Request<Body>>,
}

impl TestRequest {
    /// Adds a header.
    pub fn header(self, name: &str, value: &str) -> Self {
        self.with(|request| {
            let name: HeaderName = name.parse().with_context(|| format!("`{name}` is no header's name"))?;
            let value: HeaderValue = value.parse().with_context(|| format!("the value of `{name}` is none"))?;
            request.headers_mut().append(name, value);
            Ok(())
        })
    }

    /// Adds `Authorization: Bearer <token>`.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Sends a value as JSON.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Self {
        let json = serde_json::to_vec(value).context("the value cannot be written as JSON");
        self.with(|request| {
            request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.body_mut() = Body::from(json?);
            Ok(())
        })
    }

    /// Sends bytes, or a body that comes in pieces.
    pub fn body(self, body: impl Into<Body>) -> Self {
        self.with(|request| {
            *request.body_mut() = body.into();
            Ok(())
        })
    }

    fn with(mut self, change: impl FnOnce(&mut Request<Body>) -> Result<()>) -> Self {
        self.request = self.request.and_then(|mut request| change(&mut request).map(|()| request));
        self
    }

    async fn send(self) -> Result<TestResponse> {
        let Self { base, name, request } = self;
        let request = request.with_context(|| format!("{name} is no request"))?;
        let http = base.starter::<Http>().await?;
        let service = http.service().context("the test's base has stopped")?;
        let Ok(response) = service.handle(request).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.with_context(|| format!("the response to {name} broke off"))?.to_bytes();
        Ok(TestResponse { name, status: head.status, headers: head.headers, body })
    }
}

impl IntoFuture for TestRequest {
    type Output = Result<TestResponse>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

impl fmt::Debug for TestRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestRequest").field(&self.name).finish()
    }
}

/// A response, read to its end.
#[derive(Debug, Clone)]
pub struct TestResponse {
    name: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl TestResponse {
    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The response, where it has this status.
    ///
    /// # Errors
    ///
    /// Says what came instead, with the body.
    pub fn expect(self, status: u16) -> Result<Self> {
        if self.status.as_u16() == status {
            return Ok(self);
        }
        bail!("{} was answered with {} where {status} was expected; its body: {}", self.name, self.status, self.text())
    }

    /// A header, where it is there and is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// All headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body, as bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body, as text. What is not UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    ///
    /// Where it is none, or has another form; with the body.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).with_context(|| {
            format!("the response to {} is no such JSON (status {}): {}", self.name, self.status, self.text())
        })
    }
}
