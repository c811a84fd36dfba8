//! Asks a base, and follows what it does.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::TryStreamExt;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::Frame;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::timeout;
use tokio_util::io::ReaderStream;

use crate::endpoint::Body;
use crate::error::at;
use crate::protocol::{Artifact, Deployment, DeploymentRequest, Refusal, RefusalAnswer, VERSION};
use crate::{ClientError, Endpoint};

/// How long an answer may take. The base lets nobody wait longer than half of this for news.
const PATIENCE: Duration = Duration::from_secs(60);

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// Asks one base. Every request has a connection of its own, so that nothing is held between them.
#[derive(Debug, Clone)]
pub struct Client {
    endpoint: Endpoint,
}

impl Client {
    /// A client of the base at this place.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint }
    }

    /// Where the base is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The document at a path below `/v1/`, such as `status` or `history?limit=20`.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.ask(Method::GET, path, None, empty()).await
    }

    /// Sends a file to the base's store, a piece at a time.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] also where the file cannot be read.
    pub async fn upload(&self, file: &Path) -> Result<Artifact, ClientError> {
        let unreadable = |error: std::io::Error| {
            let what = format!("the file cannot be read: {error}");
            let place = ("the object", file.display().to_string());
            ClientError::Refused(at("file-unreadable", what, place, "name a module's object: `modules/<module>.so`"))
        };
        let open = tokio::fs::File::open(file).await.map_err(unreadable)?;
        let length = open.metadata().await.map_err(unreadable)?.len();
        let pieces = ReaderStream::new(open).map_ok(Frame::data);
        let answer = self.ask(Method::POST, "artifacts", Some(length), StreamBody::new(pieces).boxed()).await?;
        self.read(answer)
    }

    /// Asks for a deployment. It goes on whether or not anybody follows it.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn deploy(&self, request: &DeploymentRequest) -> Result<Deployment, ClientError> {
        let document = serde_json::to_vec(request).map_err(|error| self.endpoint.foreign(&error.to_string()))?;
        self.read_deployment(self.ask(Method::POST, "deployments", None, full(document)).await?)
    }

    /// How far a deployment is, as soon as its revision is above `after`, or after a while.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn deployment(&self, id: &str, after: u64) -> Result<Deployment, ClientError> {
        self.read_deployment(self.get(&format!("deployments/{id}?after={after}")).await?)
    }

    /// Asks for a deployment, and follows it until it is decided. `watch` sees every change.
    ///
    /// # Errors
    ///
    /// [`ClientError::Refused`] where it failed, [`ClientError::Lost`] where it was lost sight of.
    pub async fn deploy_and_follow(
        &self,
        request: &DeploymentRequest,
        mut watch: impl FnMut(&Deployment),
    ) -> Result<Deployment, ClientError> {
        let mut deployment = self.deploy(request).await?;
        loop {
            watch(&deployment);
            if let Some(error) = deployment.error {
                return Err(ClientError::Refused(error));
            }
            if deployment.state.is_decided() {
                return Ok(deployment);
            }
            let after = deployment.revision;
            deployment = self.deployment(&deployment.id, after).await.map_err(begun)?;
        }
    }

    /// Asks the base to write what serves now as a bundle of its own.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub async fn snapshot(&self) -> Result<Value, ClientError> {
        self.ask(Method::POST, "snapshot", None, full(format!("{{\"version\":{VERSION}}}").into_bytes())).await
    }

    async fn ask(&self, method: Method, path: &str, raw: Option<u64>, body: Body) -> Result<Value, ClientError> {
        let mut request = Request::builder().method(method).uri(format!("/v1/{path}"));
        request = match raw {
            Some(length) => {
                request.header(header::CONTENT_TYPE, "application/octet-stream").header(header::CONTENT_LENGTH, length)
            }
            None => request.header(header::CONTENT_TYPE, "application/json"),
        };
        let request = request.body(body).map_err(|error| {
            ClientError::Refused(Refusal::new(
                "invalid-path",
                error.to_string(),
                "name a module or an id as the base does",
            ))
        })?;
        let answering = async {
            let response = self.endpoint.send(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), LONGEST_ANSWER);
            let body = body.collect().await.map_err(|error| self.endpoint.lost(&error))?;
            Ok((status, body.to_bytes()))
        };
        // An upload takes as long as it takes: the base gives up on one that stands still.
        let answered = match raw {
            Some(_) => Ok(answering.await),
            None => timeout(PATIENCE, answering).await,
        };
        let (status, body) = answered.map_err(|_| self.endpoint.lost(&"it did not answer in time"))??;
        let value: Value =
            serde_json::from_slice(&body).map_err(|_| self.endpoint.foreign("it does not answer with JSON"))?;
        match value.get("version").and_then(Value::as_u64) {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => {
                return Err(self.endpoint.foreign(&format!("it speaks version {version}, this is {VERSION}")));
            }
            None => return Err(self.endpoint.foreign("its answer has no version")),
        }
        if status.is_success() {
            return Ok(value);
        }
        let RefusalAnswer { error } = self.read(value)?;
        Err(ClientError::Refused(error))
    }

    fn read_deployment(&self, mut answer: Value) -> Result<Deployment, ClientError> {
        self.read(answer["deployment"].take())
    }

    fn read<T: DeserializeOwned>(&self, answer: Value) -> Result<T, ClientError> {
        serde_json::from_value(answer).map_err(|error| self.endpoint.foreign(&error.to_string()))
    }
}

/// Of a deployment that has begun, a base that cannot be reached any more is lost, not absent.
fn begun(error: ClientError) -> ClientError {
    match error {
        ClientError::NoBase(refusal) => ClientError::Lost(refusal),
        other => other,
    }
}

fn empty() -> Body {
    full(Vec::new())
}

fn full(document: Vec<u8>) -> Body {
    Full::new(Bytes::from(document)).map_err(|never| match never {}).boxed()
}
