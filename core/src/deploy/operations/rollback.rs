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
    /// Modules that the last deployment has brought, and that go again.
    pub(super) remove: Vec<ModuleName>,
}

/// What a deployment did to the code of a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Did {
    /// It was there, and came or went with another object.
    Changed,
    /// It was not there before.
    Brought,
    /// New instances serve, of the same code.
    Nothing,
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
    let is_whole = modules.is_empty();
    let modules = if is_whole { last_changed(&committed)? } else { modules };
    let mut back = Back::default();
    let mut problems = Vec::new();
    for module in modules {
        if warm.iter().any(|warm| warm.instance.module == module) {
            back.revive.push(module);
            continue;
        }
        match (last_did(&committed, &module), before(parts, &committed, &module, serving)) {
            (Some((_, Did::Brought)), _) if is_whole => back.remove.push(module),
            (Some((operation, Did::Nothing)), before) if parts.bundled.is_some() => {
                problems.extend(same_code(&module, operation, before).problems);
            }
            (_, Some(digest)) => back.objects.push(digest),
            (_, None) => problems.extend(nothing(parts, &module).problems),
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

/// What the last deployment that somebody asked for did to the code of a module, and which operation it was.
fn last_did<'c>(committed: &'c [Committed], module: &ModuleName) -> Option<(&'c str, Did)> {
    let name = module.as_str();
    let is_about = |one: &Committed| one.asked.operation != "start" && one.changed.contains(name);
    let place = committed.iter().rposition(is_about)?;
    let (before, after) = (committed.get(place.checked_sub(1)?)?, &committed[place]);
    let did = if !knows(before, name) {
        Did::Brought
    } else if objects(before, name) == objects(after, name) {
        Did::Nothing
    } else {
        Did::Changed
    };
    Some((&after.asked.operation, did))
}

/// Whether a module belonged to the base, whether or not it served.
fn knows(committed: &Committed, module: &str) -> bool {
    committed.members.iter().any(|member| member.module == module) || committed.absent.contains_key(module)
}

/// The objects that a module served with, or would have.
fn objects(committed: &Committed, module: &str) -> BTreeSet<Digest> {
    let members = committed.members.iter().filter(|member| member.module == module);
    members.filter_map(|member| member.digest).chain(committed.absent.get(module).copied()).collect()
}

/// The last object of a module that served and is another one than what serves.
fn before(parts: &OperationParts, committed: &[Committed], module: &ModuleName, serving: &Serving) -> Option<Digest> {
    let bundled = parts.bundled.as_ref()?;
    let mut now = serving.digests(module);
    // What waits to be started again is what it is to be rolled back from.
    now.extend(committed.last().and_then(|last| last.absent.get(module.as_str())));
    let members = committed.iter().rev().flat_map(|one| &one.members);
    let mut served = members.filter(|member| member.module == module.as_str()).filter_map(|member| member.digest);
    served.find(|digest| !now.contains(digest) && bundled.store.artifact(*digest).is_some())
}

/// What a deployment that changed no code is answered with, once nothing of what it replaced is warm.
fn same_code(module: &ModuleName, operation: &str, before: Option<Digest>) -> OperationError {
    let changed = if operation == "settings" { "its settings" } else { "none of its code" };
    let help = match before {
        Some(digest) => format!("to go back to other code, name it: `rollback {module} --to {}`", digest.short()),
        None => "deploy what shall serve, or apply the settings that shall hold".to_owned(),
    };
    OperationError::new(
        "nothing-to-roll-back",
        format!(
            "`{module}` is not rolled back: the last deployment of it (`{operation}`) changed {changed}, and what it replaced is no longer warm"
        ),
        help,
    )
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
