//! Deploying objects into a running base.

use anyhow::Result;
use bedplate_admin_client::ClientError;
use bedplate_admin_client::blocking::Client;
use bedplate_admin_client::protocol::{
    ArtifactReference, Deployment, DeploymentRequest, DeploymentState, Operation, Options,
};

use crate::build::{Lock, Object};

/// How somebody wants a deployment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// Changes nothing, and says what would change.
    pub(crate) plan: bool,
    /// Deploys a build that serves already, too.
    pub(crate) force: bool,
    /// Accepts migrations that drop or rename.
    pub(crate) breaking: bool,
    /// Lets what left go at once: nobody goes back in `dev`, but by undoing the edit.
    pub(crate) no_bake: bool,
}

/// Uploads objects and lets all of them serve, in one swap. Once they are uploaded, others may link again.
pub(crate) fn install(
    client: &Client,
    objects: &[Object],
    lock: Lock,
    wanted: &Wanted,
    watch: impl FnMut(&Deployment),
) -> Result<Deployment> {
    let mut artifacts = Vec::new();
    for object in objects {
        let artifact = client.upload(&object.file)?;
        artifacts.push(ArtifactReference { digest: artifact.digest, signature: None });
    }
    drop(lock);
    carry_out(client, Operation::Install { artifacts }, wanted, watch)
}

/// Carries out a deployment, and returns when it is decided.
pub(crate) fn carry_out(
    client: &Client,
    operation: Operation,
    wanted: &Wanted,
    watch: impl FnMut(&Deployment),
) -> Result<Deployment> {
    let options = Options {
        plan: wanted.plan,
        force: wanted.force,
        breaking: wanted.breaking,
        bake_ms: wanted.no_bake.then_some(0),
    };
    let deployment = client.deploy_and_follow(&DeploymentRequest::new(operation, options), watch)?;
    match (deployment.state, &deployment.error) {
        (DeploymentState::Failed, Some(error)) => Err(ClientError::Refused(error.clone()).into()),
        _ => Ok(deployment),
    }
}
