//! The operations on a running base.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek};
use std::sync::Arc;
use std::time::Instant;

use super::bundled::{Bundled, OperationParts};
use super::error::OperationError;
use super::incoming::{Again, Incoming, Sequence, Serving, check, check_sequences, load};
use super::request::{Done, ObjectReference, Options, Request};
use super::rollback::{Back, find};
use super::snapshot::{Snapshot, write_snapshot};
use super::status::{Status, status};
use crate::base::{Base, DeploySettings};
use crate::compose::CompositionError;
use crate::deploy::image::{Digest, Disagreement, beside};
use crate::deploy::journal::{Asked, Deployment};
use crate::deploy::store::{Artifact, Came, disk_problem};
use crate::deploy::{Change, ComeAlong, Plan, Progress, Step};
use crate::descriptors::ModuleName;
use crate::module::ModuleSpec;

/// What can be done to a running base. Cheap to clone.
///
/// Each operation is one deployment: it waits for its turn, changes nothing where it fails, and comes to its end even
/// where the caller goes away once the engine has it.
#[derive(Clone)]
pub struct Operations {
    base: Base,
}

impl Base {
    /// What can be done to this base.
    #[must_use]
    pub fn operations(&self) -> Operations {
        Operations { base: self.clone() }
    }
}

/// A request, made into a change.
struct Prepared {
    change: Change,
    unchanged: Vec<ModuleName>,
    /// What a plan shows and a deployment is refused for.
    disagreements: Vec<Disagreement>,
    is_empty: bool,
}

impl Operations {
    /// Whether this base loads code; else it is one static binary.
    #[must_use]
    pub fn loads_code(&self) -> bool {
        self.parts().bundled.is_some()
    }

    /// Keeps an object file, so that it can be installed by its digest. It is read from its begin, and nothing of it
    /// is run. It is open, so that what is kept is what was written, whatever stands in its folder by now.
    ///
    /// Of what came over the network only the last few are kept, until a signature of theirs was verified.
    ///
    /// # Errors
    ///
    /// [`OperationError`]: the file is no object of a module, the disk is full, or this base loads no code.
    pub async fn keep(&self, mut file: File, came: Came) -> Result<Artifact, OperationError> {
        let bundled = self.bundled()?;
        let kept = self
            .blocking(move || {
                let mut bytes = Vec::new();
                file.rewind()
                    .and_then(|()| file.read_to_end(&mut bytes))
                    .map_err(|error| vec![disk_problem("the object file cannot be read", &bundled.state, &error)])?;
                bundled.keep(&bytes, came)
            })
            .await?;
        self.prune(&BTreeSet::new()).await;
        Ok(kept)
    }

    /// What is known of a stored object.
    #[must_use]
    pub fn artifact(&self, digest: Digest) -> Option<Artifact> {
        self.parts().bundled.as_ref()?.store.artifact(digest)
    }

    /// The stored objects, the last used first.
    #[must_use]
    pub fn artifacts(&self) -> Vec<Artifact> {
        self.parts().bundled.as_ref().map(|bundled| bundled.store.artifacts()).unwrap_or_default()
    }

    /// Carries out a request, and tells `watcher` how it gets on. The watcher must not block.
    ///
    /// # Errors
    ///
    /// [`OperationError`] with all that is wrong. What served before serves on.
    pub async fn run(
        &self,
        request: Request,
        options: Options,
        watcher: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Result<Done, OperationError> {
        let done = self.carry_out(request, options, watcher).await;
        let came = match &done {
            Ok(Done::Deployed { deployed, .. }) => deployed.came.iter().chain(&deployed.revived).collect(),
            Ok(Done::Unchanged { .. }) | Err(_) => Vec::new(),
        };
        // Also where it failed: what was sent for it is there all the same.
        self.prune(&came.into_iter().map(|id| id.module.clone()).collect()).await;
        done
    }

    async fn carry_out(
        &self,
        request: Request,
        options: Options,
        watcher: impl Fn(Progress) + Send + Sync + 'static,
    ) -> Result<Done, OperationError> {
        let Prepared { change, unchanged, disagreements, is_empty } =
            self.prepare(request, &options, &|progress| watcher(progress)).await?;
        if !disagreements.is_empty() {
            return Err(disagreements.iter().map(Disagreement::problem).collect::<Vec<_>>().into());
        }
        if is_empty {
            return Ok(Done::Unchanged { unchanged });
        }
        let deployed = self.base.deploy_watched(change, watcher).await?;
        Ok(Done::Deployed { deployed, unchanged })
    }

    /// Finds out what a request would change. Objects are loaded for it, and stay loaded; nothing is started.
    ///
    /// # Errors
    ///
    /// [`OperationError`] where not even a plan can be made. What would keep it from going live is part of the plan.
    pub async fn plan(&self, request: Request, options: Options) -> Result<Plan, OperationError> {
        let prepared = self.prepare(request, &options, &|_| ()).await?;
        let mut plan = if prepared.is_empty { Plan::default() } else { self.base.plan(prepared.change).await? };
        let comes: BTreeSet<_> = plan.comes.iter().map(|planned| planned.module.clone()).collect();
        for found in &prepared.disagreements {
            plan.refused.push(found.problem());
            let others = found.together.iter().filter(|module| !comes.contains(*module));
            plan.come_along.extend(others.map(|module| ComeAlong {
                module: module.clone(),
                why: format!("it carries `{}` in another build", found.crate_name),
            }));
        }
        plan.come_along.sort();
        plan.come_along.dedup();
        Ok(plan)
    }

    /// What serves, what is on its way out, and what is left of what has gone.
    pub async fn status(&self) -> Status {
        status(&self.base).await
    }

    /// The deployments on record, the newest first; at most `limit`. They are those of earlier processes too.
    #[must_use]
    pub fn history(&self, limit: usize) -> Vec<Deployment> {
        self.parts().journal.history(limit)
    }

    /// Writes what serves as a bundle of its own, into a new folder below the state folder.
    ///
    /// # Errors
    ///
    /// [`OperationError`] where something of it cannot be read or written, or this base loads no code.
    pub async fn snapshot(&self) -> Result<Snapshot, OperationError> {
        let bundled = self.bundled()?;
        let (serving, settings) = (Serving::of(&self.base.shared), self.base.folder().to_owned());
        self.blocking(move || write_snapshot(&bundled, &serving, &settings).map_err(|problem| vec![problem])).await
    }

    /// From a request to the change that the engine carries out.
    async fn prepare(
        &self,
        request: Request,
        options: &Options,
        tell: &(dyn Fn(Progress) + Sync),
    ) -> Result<Prepared, OperationError> {
        let mut asked = Asked { who: options.who.clone(), operation: request.name().to_owned(), ..Asked::default() };
        let mut prepared =
            Prepared { change: Change::new(), unchanged: Vec::new(), disagreements: Vec::new(), is_empty: false };
        let again = if options.force { Again::Yes } else { Again::No };
        match request {
            Request::Install(objects) => {
                self.bundled()?;
                let (install, took) =
                    self.incoming(objects, again, Sequence::Rises, options.came, Change::new(), tell).await?;
                (prepared, asked.loaded_us) = (install, took);
            }
            Request::Rollback(modules, to) => {
                let serving = Serving::of(&self.base.shared);
                let Back { revive, objects, remove } = find(self.parts(), modules, to, &serving, &self.base.warm())?;
                // What has never served is not gone back to: it is installed, and needs what an install needs.
                let came = if self.have_served(&objects) { Came::Locally } else { options.came };
                let objects: Vec<_> = objects.into_iter().map(ObjectReference::from).collect();
                let change = revive.into_iter().fold(Change::new(), Change::revive);
                let change = remove.into_iter().fold(change, Change::remove);
                let (back, took) = self.incoming(objects, again, Sequence::MayFall, came, change, tell).await?;
                (prepared, asked.loaded_us) = (back, took);
            }
            Request::Redeploy(modules) => {
                self.all_serve(&modules)?;
                prepared.is_empty = modules.is_empty();
                prepared.change = modules.into_iter().fold(prepared.change, Change::again);
            }
            Request::Uninstall(modules) => {
                prepared.is_empty = modules.is_empty();
                prepared.change = modules.into_iter().fold(prepared.change, Change::remove);
            }
            Request::Settings => {
                let tree = self.read_settings().await?;
                prepared.change = prepared.change.settings(tree);
            }
        }
        asked.modules = named(&prepared.change);
        let source = serde_json::to_value(&asked).map_err(|error| {
            OperationError::new("internal", format!("who asked cannot be recorded: {error}"), "report this")
        })?;
        let mut change = prepared.change.source(source).bake(options.bake.unwrap_or_else(|| self.settings().bake));
        if options.breaking {
            change = change.breaking();
        }
        Ok(Prepared { change, ..prepared })
    }

    /// Checks and loads objects, and has the change put each into every scene that its module is in. Returns how long
    /// that took.
    async fn incoming(
        &self,
        objects: Vec<ObjectReference>,
        again: Again,
        sequence: Sequence,
        came: Came,
        change: Change,
        tell: &(dyn Fn(Progress) + Sync),
    ) -> Result<(Prepared, Option<u64>), OperationError> {
        let is_nothing = named(&change).is_empty();
        let leaving: BTreeSet<_> = change.remove.union(&change.revive).cloned().collect();
        if objects.is_empty() {
            let prepared = Prepared { change, unchanged: Vec::new(), disagreements: Vec::new(), is_empty: is_nothing };
            return Ok((prepared, None));
        }
        let (bundled, base, settings) = (self.bundled()?, self.base.clone(), self.settings());
        let since = Instant::now();
        let work = move || {
            let serving = Serving::of(&base.shared);
            let incoming = check(&bundled, &objects, &serving, &leaving, again, came, &settings)?;
            let last = base.shared.operations().journal.last_committed().map(|last| last.sequences);
            let problems = check_sequences(&bundled, &incoming.checked, &last.unwrap_or_default(), sequence);
            if !problems.is_empty() {
                return Err(problems);
            }
            // What will be refused is not loaded: that could not be taken back.
            let specs = if incoming.disagreements.is_empty() {
                load(&bundled, &incoming.checked, &settings)?
            } else {
                Vec::new()
            };
            Ok((incoming, specs, serving))
        };
        let (incoming, specs, serving) = self.blocking(work).await?;
        let took = since.elapsed();
        tell(Progress::Step(Step { name: "load", took }));
        let Incoming { unchanged, disagreements, .. } = incoming;
        let is_empty = specs.is_empty() && is_nothing;
        let change = specs.into_iter().fold(change, |change, spec| put(change, spec, &serving));
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        Ok((Prepared { change, unchanged, disagreements, is_empty }, Some(took)))
    }

    /// Whether the journal has each of these objects among what served.
    fn have_served(&self, objects: &[Digest]) -> bool {
        let served = self.parts().journal.served();
        objects.iter().all(|digest| served.contains(digest))
    }

    fn all_serve(&self, modules: &[ModuleName]) -> Result<(), OperationError> {
        let specs = self.base.shared.deployer.specs();
        let is_known = |module: &&ModuleName| specs.keys().any(|(name, _)| name == *module);
        match modules.iter().find(|module| !is_known(module)) {
            None => Ok(()),
            Some(module) => Err(OperationError::new(
                "not-installed",
                format!("`{module}` cannot be deployed again: it is not part of the composition"),
                "see `modules` for what is, or `install` its object",
            )),
        }
    }

    async fn read_settings(&self) -> Result<crate::settings::Tree, OperationError> {
        let Some(sources) = self.base.shared.sources.get().cloned() else {
            return Err(OperationError::new(
                "settings-unknown",
                "this base does not know where its settings come from",
                "it was made by hand: deploy a `Change` with the settings",
            ));
        };
        let read = tokio::task::spawn_blocking(move || sources.load());
        match read.await {
            Ok(Ok(tree)) => Ok(tree),
            Ok(Err(problems)) => Err(CompositionError::from_settings(problems).into()),
            Err(error) => Err(OperationError::new("internal", error.to_string(), "report this")),
        }
    }

    /// Notes that these modules have come, and removes stored objects that nobody needs any more.
    async fn prune(&self, came: &BTreeSet<ModuleName>) {
        let Ok(bundled) = self.bundled() else { return };
        let (base, keep, came) = (self.base.clone(), self.settings().keep, came.clone());
        // What cannot be removed is told by the store, and tried again the next time.
        let _ = self
            .blocking(move || {
                let serving = Serving::of(&base.shared);
                came.iter().flat_map(|module| serving.digests(module)).for_each(|digest| bundled.store.used(digest));
                let known = base.shared.deployer.available();
                let specs = serving.specs.values().chain(known.values());
                let mut in_use: BTreeSet<_> = specs.filter_map(|spec| digest_of(spec)).collect();
                in_use.extend(base.shared.bakes.instances().iter().filter_map(|warm| digest_of(warm.spec())));
                in_use.extend(bundled.digests().into_values());
                bundled.store.prune(keep, &in_use, &base.shared.operations().journal.served());
                Ok(())
            })
            .await;
    }

    fn settings(&self) -> DeploySettings {
        self.base.shared.configuration().core.deploy.clone()
    }

    fn parts(&self) -> &OperationParts {
        self.base.shared.operations()
    }

    fn bundled(&self) -> Result<Arc<Bundled>, OperationError> {
        self.parts().bundled.clone().ok_or_else(|| {
            OperationError::new(
                "static-base",
                "this base is one static binary, and loads no code",
                "build and run a bundle: `cargo bedplate build`, `cargo bedplate run`",
            )
        })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Vec<crate::compose::Problem>> + Send + 'static,
    ) -> Result<T, OperationError> {
        match beside(&self.base.shared.runtime, work).await {
            Ok(result) => result.map_err(OperationError::from),
            Err(error) => Err(OperationError::new(
                "internal",
                format!("the work was interrupted: {error}"),
                "the base was shutting down, or this is a fault of bedplate",
            )),
        }
    }
}

/// Puts a module into every scene that it is in; a new one into the first.
fn put(change: Change, spec: ModuleSpec, serving: &Serving) -> Change {
    let scenes = serving.specs.keys().filter(|(module, _)| module == spec.name()).map(|(_, scene)| scene.clone());
    let scenes: Vec<_> = scenes.collect();
    if scenes.is_empty() {
        return change.put(spec);
    }
    scenes.into_iter().fold(change, |change, scene| change.put_in(scene, spec.clone()))
}

/// The modules that a change names.
fn named(change: &Change) -> Vec<String> {
    let put = change.put.keys().map(|(module, _)| module);
    let names: BTreeSet<_> = put.chain(&change.again).chain(&change.remove).chain(&change.revive).collect();
    names.into_iter().map(ToString::to_string).collect()
}

fn digest_of(spec: &ModuleSpec) -> Option<Digest> {
    spec.origin().object().map(|object| object.digest())
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operations").field("base", &self.base).finish()
    }
}
