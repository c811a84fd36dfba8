//! The client for programs that wait: the same questions, one at a time.

use std::path::Path;

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::protocol::{Artifact, Deployment, DeploymentRequest, Refusal};
use crate::{ClientError, Endpoint};

/// Asks one base, and waits for its answers.
#[derive(Debug)]
pub struct Client {
    client: crate::Client,
    runtime: Runtime,
}

impl Client {
    /// A client of the base at this place.
    ///
    /// # Errors
    ///
    /// Where the process cannot have a runtime: it is short of something.
    pub fn new(endpoint: Endpoint) -> Result<Self, ClientError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
            let what = format!("the client does not start: {error}");
            ClientError::Refused(Refusal::new("no-runtime", what, "see what this machine is short of"))
        })?;
        Ok(Self { client: crate::Client::new(endpoint), runtime })
    }

    /// Where the base is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        self.client.endpoint()
    }

    /// See [`Client::get`](crate::Client::get).
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn get(&self, path: &str) -> Result<Value, ClientError> {
        self.runtime.block_on(self.client.get(path))
    }

    /// See [`Client::upload`](crate::Client::upload).
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn upload(&self, file: &Path) -> Result<Artifact, ClientError> {
        self.runtime.block_on(self.client.upload(file))
    }

    /// See [`Client::deploy_and_follow`](crate::Client::deploy_and_follow).
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn deploy_and_follow(
        &self,
        request: &DeploymentRequest,
        watch: impl FnMut(&Deployment),
    ) -> Result<Deployment, ClientError> {
        self.runtime.block_on(self.client.deploy_and_follow(request, watch))
    }

    /// See [`Client::snapshot`](crate::Client::snapshot).
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn snapshot(&self) -> Result<Value, ClientError> {
        self.runtime.block_on(self.client.snapshot())
    }
}
