//! What a rollback goes back to: the predecessor that is still warm, else the object that served before.

use std::collections::BTreeSet;

use super::bundled::OperationParts;
use super::error::OperationError;
use super::incoming::Serving;
use crate::deploy::WarmInfo;
use crate::deploy::image::Digest;
use crate::deploy::journal::Committed;
use crate::descriptors::ModuleName;

/// What a rollback goes back to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Back {
    /// Modules whose warm predecessors serve again: one more swap.
    pub(super) revive: Vec<ModuleName>,
    /// Objects that are loaded again.
    pub(super) objects: Vec<Digest>,
}

/// Finds out what to go back to.
pub(super) fn find(
    parts: &OperationParts,
    modules: Vec<ModuleName>,
    to: Option<Digest>,
    serving: &Serving,
    warm: &[WarmInfo],
) -> Result<Back, OperationError> {
    let committed = parts.journal.committed();
    if let Some(digest) = to {
        return match modules.as_slice() {
            [module] => to_digest(parts, module, digest),
            _ => Err(OperationError::new(
                "rollback-target",
                "an object was named to roll back to, and not one module",
                "name one module and one digest; `history` lists both",
            )),
        };
    }
    let modules = if modules.is_empty() { last_changed(&committed)? } else { modules };
    let mut back = Back::default();
    let mut problems = Vec::new();
    for module in modules {
        if warm.iter().any(|warm| warm.instance.module == module) {
            back.revive.push(module);
        } else {
            match before(parts, &committed, &module, serving) {
                Some(digest) => back.objects.push(digest),
                None => problems.extend(nothing(parts, &module).problems),
            }
        }
    }
    if problems.is_empty() { Ok(back) } else { Err(problems.into()) }
}

fn to_digest(parts: &OperationParts, module: &ModuleName, digest: Digest) -> Result<Back, OperationError> {
    let artifact = parts.bundled.as_ref().and_then(|bundled| bundled.store.artifact(digest));
    match artifact {
        Some(artifact) if artifact.module == module.as_str() => Ok(Back { objects: vec![digest], ..Back::default() }),
        Some(artifact) => Err(OperationError::new(
            "other-module",
            format!("the object {} is the module `{}`, and not `{module}`", digest.short(), artifact.module),
            "see `history` for the objects of each module",
        )),
        None => Err(OperationError::new(
            "artifact-missing",
            format!("the base keeps no object file {}", digest.short()),
            "see `history` for what is kept, or `install` the object again",
        )),
    }
}

/// The modules of the last deployment that somebody asked for.
fn last_changed(committed: &[Committed]) -> Result<Vec<ModuleName>, OperationError> {
    let asked = committed.iter().rev().find(|one| one.asked.operation != "start");
    let names = asked.into_iter().flat_map(|one| &one.changed).filter_map(|name| ModuleName::new(name).ok());
    let names: Vec<_> = names.collect();
    if names.is_empty() {
        return Err(OperationError::new(
            "nothing-to-roll-back",
            "there was no deployment that could be undone",
            "name a module and a digest, or `install` an object",
        ));
    }
    Ok(names)
}

/// The last object of a module that served and is another one than what serves.
fn before(parts: &OperationParts, committed: &[Committed], module: &ModuleName, serving: &Serving) -> Option<Digest> {
    let bundled = parts.bundled.as_ref()?;
    let now: BTreeSet<_> = serving.digests(module);
    let members = committed.iter().rev().flat_map(|one| &one.members);
    let mut served = members.filter(|member| member.module == module.as_str()).filter_map(|member| member.digest);
    served.find(|digest| !now.contains(digest) && bundled.store.artifact(*digest).is_some())
}

fn nothing(parts: &OperationParts, module: &ModuleName) -> OperationError {
    let why = if parts.bundled.is_some() {
        "no other object of it served before that is still kept, and nothing of it is warm"
    } else {
        "its bake time is over, and one static binary loads no code"
    };
    OperationError::new(
        "nothing-to-roll-back",
        format!("`{module}` cannot be rolled back: {why}"),
        "`install` the object that shall serve; `deploy.keep` and `deploy.bake` say how long a rollback works",
    )
}
