//! Where a base's admin interface is, and one connection to it.

use std::fmt;
use std::path::PathBuf;
#[cfg(feature = "remote")]
use std::sync::Arc;

use http::{Request, Response, header};
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;

use crate::error::{ClientError, at};

/// The body of a request.
pub(crate) type Body = BoxBody<bytes::Bytes, std::io::Error>;

/// Where a base's admin interface is.
#[derive(Clone)]
#[non_exhaustive]
pub enum Endpoint {
    /// The socket in the base's state folder.
    Socket(PathBuf),
    /// A base on another machine, over TLS, with a token.
    #[cfg(feature = "remote")]
    Remote(Arc<crate::remote::Remote>),
}

impl Endpoint {
    /// Sends one request on a connection of its own.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Result<Response<Incoming>, ClientError> {
        let mut sender = self.connect().await?;
        let headers = request.headers_mut();
        headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
        match self {
            Self::Socket(_) => {
                headers.insert(header::HOST, header::HeaderValue::from_static("localhost"));
            }
            #[cfg(feature = "remote")]
            Self::Remote(remote) => remote.identify(headers),
        }
        sender.send_request(request).await.map_err(|error| self.lost(&error))
    }

    async fn connect(&self) -> Result<SendRequest<Body>, ClientError> {
        match self {
            Self::Socket(path) => {
                let stream = UnixStream::connect(path).await.map_err(|error| self.no_base(&error))?;
                self.speak(stream).await
            }
            #[cfg(feature = "remote")]
            Self::Remote(remote) => {
                let stream = remote.connect().await.map_err(|error| self.no_base(&error))?;
                self.speak(stream).await
            }
        }
    }

    async fn speak<S>(&self, stream: S) -> Result<SendRequest<Body>, ClientError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| self.lost(&error))?;
        // It ends with its one request; what it fails with, the request fails with too.
        tokio::spawn(async move { connection.await.ok() });
        Ok(sender)
    }

    fn no_base(&self, error: &std::io::Error) -> ClientError {
        let help = match self {
            Self::Socket(_) => {
                "start the base; or, where it runs with another settings file or state folder, name that: \
                 `--config FILE`, `--set deploy.folder=…`. The socket answers the user that the base runs as"
            }
            #[cfg(feature = "remote")]
            Self::Remote(_) => "check the address, and that the base has `[starters.admin.remote]` in its settings",
        };
        ClientError::NoBase(at("no-base", format!("no base answers: {error}"), (self.kind(), self.to_string()), help))
    }

    /// The base was there, and is not any more.
    pub(crate) fn lost(&self, error: &dyn fmt::Display) -> ClientError {
        ClientError::Lost(at(
            "connection-lost",
            format!("the connection to the base was lost: {error}"),
            (self.kind(), self.to_string()),
            "a deployment that had begun goes on without its client: `history` says how it ended",
        ))
    }

    /// Something answers, and it is no admin interface of this version.
    pub(crate) fn foreign(&self, cause: &str) -> ClientError {
        ClientError::NoBase(at(
            "foreign-answer",
            format!("what answers is no admin interface that this program can speak to: {cause}"),
            (self.kind(), self.to_string()),
            "use the base's own binary, or a tool of the base's version",
        ))
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Socket(_) => "the base's socket",
            #[cfg(feature = "remote")]
            Self::Remote(_) => "the base's address",
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(f, "{}", path.display()),
            #[cfg(feature = "remote")]
            Self::Remote(remote) => fmt::Display::fmt(remote, f),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}
