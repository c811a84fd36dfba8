//! The operations of the core, in the words of the interface.

use std::fs::File;
use std::time::Duration;

use axum::http::StatusCode;
use bedplate::base::Phase;
use bedplate::compose::Problem;
use bedplate::deploy::image::Digest;
use bedplate::deploy::operations::{Done, ObjectReference, OperationError, Operations, Options, Request};
use bedplate::deploy::store::{Artifact, Came};
use bedplate::{Base, ModuleName};
use bedplate_admin_client::protocol::{self, DeploymentRequest, Operation, Refusal};
use serde::Serialize;
use serde_json::Value;

use crate::api::Refused;
use crate::caller::{Action, Arrival, Caller};
use crate::deployments::{Followed, Outcome};

/// A deployment that may be carried out.
pub(crate) struct Prepared {
    operations: Operations,
    asked: DeploymentRequest,
    request: Request,
    options: Options,
    modules: Vec<String>,
}

/// Refuses at once what can never be.
pub(crate) fn prepare(base: &Base, asked: DeploymentRequest, caller: &Caller) -> Result<Prepared, Refused> {
    if matches!(base.phase(), Phase::Draining | Phase::Stopped) {
        let refusal = Refusal::new("base-ends", "the base ends, and takes no deployments", "start it again");
        return Err((StatusCode::SERVICE_UNAVAILABLE, refusal).into());
    }
    let operations = base.operations();
    let request = request(&asked.operation).map_err(|refusal| (StatusCode::BAD_REQUEST, refusal))?;
    let modules = match &request {
        Request::Install(objects) => {
            if !operations.loads_code() {
                return Err((StatusCode::CONFLICT, static_base()).into());
            }
            may_install(objects, caller, |digest| Some(operations.artifact(digest)?.module))?
        }
        _ => asked.operation.modules().to_vec(),
    };
    let options = Options {
        who: caller.who.clone(),
        came: came(caller.arrival),
        bake: asked.options.bake_ms.map(Duration::from_millis),
        breaking: asked.options.breaking,
        force: asked.options.force,
    };
    Ok(Prepared { operations, asked, request, options, modules })
}

impl Prepared {
    pub(crate) fn operation(&self) -> &Operation {
        &self.asked.operation
    }

    /// The modules that it is about, as far as they are known.
    pub(crate) fn modules(&self) -> &[String] {
        &self.modules
    }

    /// Does it, and tells `followed` how it gets on.
    pub(crate) async fn carry_out(self, followed: Followed) -> Result<Outcome, Refusal> {
        let Self { operations, asked, request, options, .. } = self;
        if asked.options.plan {
            let plan = operations.plan(request, options).await.map_err(|error| refusal(&error))?;
            return Ok(Outcome::Planned(value(&plan)));
        }
        let told = followed.clone();
        let done = operations.run(request, options, move |progress| told.progress(progress)).await;
        match done.map_err(|error| refusal(&error))? {
            Done::Deployed { deployed, unchanged } => {
                Ok(Outcome::Live { deployed: Some(value(&deployed)), unchanged: names(&unchanged) })
            }
            Done::Unchanged { unchanged } => Ok(Outcome::Live { deployed: None, unchanged: names(&unchanged) }),
            // What a newer core says, and this does not know.
            other => Ok(Outcome::Live { deployed: Some(value(&other)), unchanged: Vec::new() }),
        }
    }
}

/// What is asked, in the words of the core.
fn request(operation: &Operation) -> Result<Request, Refusal> {
    let modules = |names: &[String]| names.iter().map(|name| module(name)).collect::<Result<Vec<_>, _>>();
    Ok(match operation {
        Operation::Install { artifacts } => Request::Install(
            artifacts
                .iter()
                .map(|artifact| {
                    Ok(ObjectReference { digest: digest(&artifact.digest)?, signature: artifact.signature.clone() })
                })
                .collect::<Result<_, Refusal>>()?,
        ),
        Operation::Redeploy { modules: names } => Request::Redeploy(modules(names)?),
        Operation::Rollback { modules: names, to } => {
            Request::Rollback(modules(names)?, to.as_deref().map(digest).transpose()?)
        }
        Operation::Uninstall { modules: names } => Request::Uninstall(modules(names)?),
        Operation::Settings {} => Request::Settings,
    })
}

/// The modules that stored objects say they are, where the caller may install each. One that is not there is refused
/// here: nobody could say now whose it will be by the time it is looked for.
fn may_install(
    objects: &[ObjectReference],
    caller: &Caller,
    stored_as: impl Fn(Digest) -> Option<String>,
) -> Result<Vec<String>, Refused> {
    let module = |object: &ObjectReference| {
        let module = stored_as(object.digest).ok_or_else(|| artifact_missing(object.digest))?;
        crate::api::allow(caller, Action::Install, Some(&module))?;
        Ok(module)
    };
    objects.iter().map(module).collect()
}

fn artifact_missing(digest: Digest) -> Refused {
    let what = format!("the base keeps no object file {}", digest.short());
    let refusal = Refusal::new("artifact-missing", what, "upload it first; `history` lists the ones that are kept");
    (StatusCode::UNPROCESSABLE_ENTITY, refusal).into()
}

fn came(arrival: Arrival) -> Came {
    match arrival {
        Arrival::Socket => Came::Locally,
        Arrival::Network => Came::Remotely,
    }
}

fn module(name: &str) -> Result<ModuleName, Refusal> {
    ModuleName::new(name)
        .map_err(|error| Refusal::new("invalid-document", error.to_string(), "name a module as `status` does"))
}

fn digest(text: &str) -> Result<Digest, Refusal> {
    text.parse().map_err(|_| {
        Refusal::new("invalid-document", format!("`{text}` is no digest"), "give the digest that the upload returned")
    })
}

fn names(modules: &[ModuleName]) -> Vec<String> {
    modules.iter().map(ToString::to_string).collect()
}

/// What serves now, and what is left of what has gone.
pub(crate) async fn status(base: &Base) -> Value {
    value(&base.operations().status().await)
}

/// The deployments on record, the newest first.
pub(crate) fn history(base: &Base, limit: usize) -> Value {
    value(&base.operations().history(limit))
}

/// Writes what serves as a bundle.
pub(crate) async fn snapshot(base: &Base) -> Result<Value, Refused> {
    base.operations().snapshot().await.map(|snapshot| value(&snapshot)).map_err(refused)
}

/// Stores an object that has been received.
pub(crate) async fn keep(base: &Base, file: File, arrival: Arrival) -> Result<protocol::Artifact, Refused> {
    base.operations().keep(file, came(arrival)).await.map(|artifact| stored(&artifact)).map_err(refused)
}

fn stored(artifact: &Artifact) -> protocol::Artifact {
    protocol::Artifact {
        digest: artifact.digest.to_string(),
        size: artifact.size,
        module: artifact.module.clone(),
        build_id: artifact.build_id.to_string(),
        base_fingerprint: artifact.base_fingerprint.clone(),
        source: protocol::Source {
            commit: artifact.source.commit.clone(),
            branch: artifact.source.branch.clone(),
            dirty: artifact.source.dirty,
        },
    }
}

fn static_base() -> Refusal {
    Refusal::new(
        "static-base",
        "this base is one static binary, and loads no code",
        "build and run a bundle: `cargo bedplate build`, `cargo bedplate run`",
    )
}

/// The core's own types are written without an error: none has a map with keys that are no text.
fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// An error of the core, with the status that says whose fault it was.
fn refused(error: OperationError) -> Refused {
    let status = match error.code {
        "static-base" => StatusCode::CONFLICT,
        "disk-full" => StatusCode::INSUFFICIENT_STORAGE,
        "disk-failed" | "internal" => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    (status, refusal(&error)).into()
}

/// An error of the core, over the wire.
fn refusal(error: &OperationError) -> Refusal {
    let problems = error.problems.iter().map(problem).collect();
    Refusal::new(error.code, &error.what, &error.help).with_problems(problems)
}

fn problem(problem: &Problem) -> protocol::Problem {
    let places = problem.places.iter().map(|place| protocol::Place { what: place.what.clone(), at: place.at.clone() });
    protocol::Problem {
        code: problem.code.to_owned(),
        what: problem.what.clone(),
        places: places.collect(),
        help: problem.help.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::caller::Permissions;

    #[test]
    fn an_object_that_is_not_stored_is_nobodys_to_install() {
        let pipeline = Caller {
            who: "token pipeline".to_owned(),
            arrival: Arrival::Network,
            may: Permissions::Listed(Arc::new(["install:comments".parse().unwrap()])),
        };
        let [comments, articles, unknown] = ["comments", "articles", "unknown"].map(|name| Digest::of(name.as_bytes()));
        let stored_as = |digest: Digest| {
            let known = [(comments, "comments"), (articles, "articles")];
            known.iter().find(|(own, _)| *own == digest).map(|(_, module)| (*module).to_owned())
        };
        let ask = |digests: &[Digest]| {
            let objects: Vec<_> = digests.iter().map(|digest| ObjectReference::from(*digest)).collect();
            may_install(&objects, &pipeline, stored_as).map_err(|refused| refused.code().to_owned())
        };
        assert_eq!(ask(&[comments]), Ok(vec!["comments".to_owned()]));
        assert_eq!(ask(&[comments, articles]), Err("not-allowed".to_owned()));
        // It could be uploaded as anything before it is looked for again.
        assert_eq!(ask(&[comments, unknown]), Err("artifact-missing".to_owned()));
    }
}
