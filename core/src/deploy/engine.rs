//! One deployment: builds the next composition beside the current one, and swaps the pointer.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::base::{RunningStarter, Shared};
use crate::compose::{Composition, CompositionError, Place, Problem, check, required_by_index};
use crate::deploy::make::{make_within, problems_of};
use crate::deploy::restart::{Failed, overtaken};
use crate::deploy::retire::{abandon, bury, forget, retire};
use crate::deploy::start::{START_SKIPPED, Started, place, start_all};
use crate::deploy::{Change, Deployed, Step, Versioned, bounded, not_longer_than};
use crate::descriptors::{ModuleName, Presence};
use crate::isolation::catch;
use crate::module::{Instance, InstanceId, InstanceState, ModuleSpec, ModuleState};
use crate::scene::SceneName;
use crate::starter::Staged;

/// One deployment at a time; others wait for their turn.
pub(crate) struct Deployer {
    state: Mutex<Installed>,
}

/// What the base is composed of, as the next deployment finds it.
struct Installed {
    specs: BTreeMap<ModuleName, Arc<ModuleSpec>>,
    generations: BTreeMap<ModuleName, u64>,
    next_composition: u64,
}

/// Why a deployment is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reason {
    /// Somebody asked for it.
    Asked,
    /// The restart policy did, about this failure; nothing is done where it is not so any more.
    Restart(Failed),
    /// The base ends: everything goes, and no starter can keep it.
    Ending,
}

/// Whether the base has served before: the first composition may leave optional modules out.
#[derive(Clone, Copy, PartialEq)]
enum Round {
    First,
    Later,
}

impl Deployer {
    pub(crate) fn new() -> Self {
        let installed = Installed { specs: BTreeMap::new(), generations: BTreeMap::new(), next_composition: 1 };
        Self { state: Mutex::new(installed) }
    }

    /// The installed module of this name.
    pub(crate) async fn spec(&self, module: &ModuleName) -> Option<Arc<ModuleSpec>> {
        self.state.lock().await.specs.get(module).cloned()
    }
}

/// Carries out a change, to its end even where the caller goes away.
pub(crate) async fn deploy(base: &Arc<Shared>, change: Change, reason: Reason) -> Result<Deployed, CompositionError> {
    let running = base.clone();
    let task = base.runtime.spawn(async move {
        let mut installed = running.deployer.state.lock().await;
        Deployment::new(&running, &mut installed, change, reason).run().await
    });
    task.await.unwrap_or_else(|error| {
        Err(CompositionError::new(
            "deploy",
            vec![Problem {
                code: "deployment-interrupted",
                what: format!("the deployment was interrupted: {error}"),
                places: Vec::new(),
                help: "the base is shutting down, or this is a fault of bedplate".to_owned(),
            }],
        ))
    })
}

struct Deployment<'a> {
    base: &'a Arc<Shared>,
    installed: &'a mut Installed,
    change: Change,
    reason: Reason,
    round: Round,
    scene: SceneName,
    steps: Vec<Step>,
    since: Instant,
}

impl<'a> Deployment<'a> {
    fn new(base: &'a Arc<Shared>, installed: &'a mut Installed, mut change: Change, reason: Reason) -> Self {
        let round = if base.cell.current().value().number() == 0 { Round::First } else { Round::Later };
        if reason == Reason::Ending {
            change.remove.extend(installed.specs.keys().cloned());
        }
        Self {
            base,
            installed,
            change,
            reason,
            round,
            scene: SceneName::main(),
            steps: Vec::new(),
            since: Instant::now(),
        }
    }

    async fn run(mut self) -> Result<Deployed, CompositionError> {
        self.may_begin()?;
        let mut specs = self.next_specs()?;
        self.done("check");

        let (new, mut left_out) = self.construct().await?;
        self.done("construct");
        let (new, not_migrated) = self.migrate(new).await?;
        self.done("migrate");
        let (new, next, not_started) = self.start(new).await?;
        self.done("start");
        left_out.extend(not_migrated);
        left_out.extend(not_started);
        for (spec, _) in &left_out {
            specs.remove(&spec.name);
        }

        if let Err(error) = self.prepare(&next).await {
            if self.reason != Reason::Ending {
                abandon(self.base, &next, &new, "a starter refused the composition").await;
                self.base.discard(next);
                return Err(error);
            }
            tracing::error!(target: "bedplate::deploy", "the base ends all the same: {error}");
        }
        self.done("prepare");

        self.installed.specs = specs;
        let (was, leaving) = self.swap(&next, &new);
        self.done("swap");
        if self.reason == Reason::Asked {
            // What had failed before is not held against what somebody has deployed now.
            self.change.put.keys().chain(&self.change.remove).for_each(|module| self.base.restarts.forget(module));
        }
        self.announce(&new, was, &leaving, next.value());
        for (spec, cause) in &left_out {
            self.base.restarts.did_not_start(self.base, spec.clone(), cause);
        }
        Ok(Deployed {
            composition: next.value().number(),
            came: new.iter().map(|instance| instance.id().clone()).collect(),
            leaving: leaving.iter().map(|instance| instance.id().clone()).collect(),
            left_out: left_out.into_iter().map(|(spec, cause)| (spec.name.clone(), cause)).collect(),
            steps: self.steps,
        })
    }

    fn done(&mut self, name: &'static str) {
        self.steps.push(Step { name, took: self.since.elapsed() });
        self.since = Instant::now();
    }

    /// Whether there is still something to do, now that it is this deployment's turn.
    fn may_begin(&self) -> Result<(), CompositionError> {
        if let Reason::Restart(failed) = self.reason {
            let now = self.base.cell.current();
            let serves = |module| now.value().instance(module, &self.scene).map(|instance| instance.uid());
            if let Some(module) = self.change.put.keys().find(|module| !failed.is_still(serves(module))) {
                return Err(overtaken(module));
            }
        }
        if self.base.is_ending() && self.reason != Reason::Ending {
            return Err(CompositionError::new(
                "check",
                vec![Problem {
                    code: "base-ending",
                    what: "the base is ending, and takes no deployment any more".to_owned(),
                    places: Vec::new(),
                    help: "deploy to a base that serves".to_owned(),
                }],
            ));
        }
        Ok(())
    }

    /// Whether a module is part of the composition, or waits for being so again.
    fn may_be_removed(&self, module: &ModuleName) -> bool {
        self.installed.specs.contains_key(module) || self.base.restarts.knows(module)
    }

    /// What the next composition is made of, checked.
    fn next_specs(&self) -> Result<BTreeMap<ModuleName, Arc<ModuleSpec>>, CompositionError> {
        let mut specs = self.installed.specs.clone();
        let mut problems: Vec<_> =
            self.change.remove.iter().filter(|name| !self.may_be_removed(name)).map(not_installed).collect();
        self.change.remove.iter().for_each(|name| {
            specs.remove(name);
        });
        specs.extend(self.change.put.iter().map(|(name, spec)| (name.clone(), spec.clone())));
        let list: Vec<_> = specs.values().cloned().collect();
        let starters: Vec<_> = self.base.starters().iter().map(|starter| starter.descriptor).collect();
        problems.extend(check(&self.scene, &list, &starters));
        if problems.is_empty() { Ok(specs) } else { Err(CompositionError::new("check", problems)) }
    }

    /// Makes an instance of each module that is put.
    async fn construct(&mut self) -> Result<(Vec<Arc<Instance>>, LeftOut), CompositionError> {
        let specs: Vec<_> = self.change.put.values().cloned().collect();
        let mut made = Vec::new();
        let mut lost = Vec::new();
        let mut failed = BTreeMap::new();
        for spec in specs {
            let state = self.begin(&spec);
            let (name, limit) = (spec.name.clone(), self.base.start_deadline(&spec.name));
            match make_within(limit, self.base, spec, state.clone()).await {
                Ok(instance) => made.push(Arc::new(instance)),
                Err(found) => {
                    state.transition(ModuleState::Failed, found.first().map_or("", |problem| &problem.what));
                    lost.push(state);
                    failed.insert(name, found);
                }
            }
        }
        bury(self.base, &lost).await;
        self.leave_out("construct", made, failed).await
    }

    /// Goes on without optional modules that failed, and without what requires them, where the
    /// base has not served before; else gives all up.
    async fn leave_out(
        &self,
        step: &'static str,
        instances: Vec<Arc<Instance>>,
        failed: BTreeMap<ModuleName, Vec<Problem>>,
    ) -> Result<(Vec<Arc<Instance>>, LeftOut), CompositionError> {
        if failed.is_empty() {
            return Ok((instances, Vec::new()));
        }
        let causes = self.with_dependents(&failed);
        let may_fail = |name: &ModuleName| self.base.presence(&self.change.put[name]) == Presence::Optional;
        if self.round == Round::Later || !causes.keys().all(may_fail) {
            forget(self.base, &instances, "another module of the deployment failed").await;
            return Err(CompositionError::new(step, failed.into_values().flatten().collect()));
        }
        let (lost, kept): (Vec<_>, Vec<_>) =
            instances.into_iter().partition(|instance| causes.contains_key(instance.module()));
        forget(self.base, &lost, "it is left out").await;
        Ok((kept, causes.into_iter().map(|(name, cause)| (self.change.put[&name].clone(), cause)).collect()))
    }

    /// The modules that failed and those that require them, each with the cause.
    fn with_dependents(&self, failed: &BTreeMap<ModuleName, Vec<Problem>>) -> BTreeMap<ModuleName, String> {
        let what = |problems: &Vec<Problem>| problems.first().map_or_else(String::new, |problem| problem.what.clone());
        let mut causes: BTreeMap<_, _> = failed.iter().map(|(name, problems)| (name.clone(), what(problems))).collect();
        let specs: Vec<_> = self.change.put.values().cloned().collect();
        let needs = required_by_index(&self.scene, &specs);
        loop {
            let next = specs.iter().zip(&needs).find_map(|(spec, needs)| {
                let lost = needs.iter().map(|index| &specs[*index].name).find(|name| causes.contains_key(*name))?;
                let cause = format!("`{}` requires `{lost}`, which is left out", spec.name);
                (!causes.contains_key(&spec.name)).then(|| (spec.name.clone(), cause))
            });
            let Some((name, cause)) = next else { return causes };
            causes.insert(name, cause);
        }
    }

    /// The identity of the next instance of a module.
    fn begin(&mut self, spec: &ModuleSpec) -> Arc<InstanceState> {
        let generation = self.installed.generations.entry(spec.name.clone()).or_default();
        *generation += 1;
        let id = InstanceId { module: spec.name.clone(), scene: self.scene.clone(), generation: *generation };
        InstanceState::new(id, 0, self.base, self.base.runtime.clone())
    }

    async fn migrate(&self, new: Vec<Arc<Instance>>) -> Result<(Vec<Arc<Instance>>, LeftOut), CompositionError> {
        let mut failed = BTreeMap::new();
        for instance in &new {
            let settings = self.base.module_settings(instance.module(), instance.scene());
            let staged = Staged { id: instance.id(), requirements: &instance.spec.requirements, settings: &settings };
            let mut problems = Vec::new();
            for starter in self.base.starters().iter() {
                // It has no deadline: the next one would wait for the same rows again.
                let Err(error) = bounded(starter.calls.migrate(&staged)).await else { continue };
                problems.extend(problems_of(error, "migration-failed", |error| {
                    (
                        format!(
                            "the data of `{}` could not be migrated by the starter `{}`: {error:#}",
                            instance.module(),
                            starter.descriptor.name
                        ),
                        vec![place(instance)],
                        "mend the migration; what was applied before it stays applied".to_owned(),
                    )
                }));
            }
            if !problems.is_empty() {
                failed.insert(instance.module().clone(), problems);
            }
        }
        self.leave_out("migrate", new, failed).await
    }

    /// Starts the new instances aside; leaves optional ones out where that is allowed.
    async fn start(
        &mut self,
        new: Vec<Arc<Instance>>,
    ) -> Result<(Vec<Arc<Instance>>, Arc<Versioned<Composition>>, LeftOut), CompositionError> {
        let next = self.compose(&new);
        let deadlines: Vec<Duration> = new.iter().map(|instance| self.base.start_deadline(instance.module())).collect();
        let Started { failed } = start_all(&self.scene, &next, &new, &deadlines).await;
        if failed.is_empty() {
            return Ok((new, next, Vec::new()));
        }
        let may_fail = |index: &usize| self.base.presence(&new[*index].spec) == Presence::Optional;
        if self.round == Round::Later || !failed.keys().all(may_fail) {
            abandon(self.base, &next, &new, "another module of the deployment failed").await;
            self.base.discard(next);
            let mut problems: Vec<_> = failed.into_values().collect();
            // Causes first: what was only skipped refers to them.
            problems.sort_by_key(|problem| problem.code == START_SKIPPED);
            return Err(CompositionError::new("start", problems));
        }
        let (lost, kept): (Vec<_>, Vec<_>) =
            new.into_iter().enumerate().partition(|(index, _)| failed.contains_key(index));
        let kept: Vec<_> = kept.into_iter().map(|(_, instance)| instance).collect();
        let left_out =
            lost.iter().map(|(index, instance)| (instance.spec.clone(), failed[index].what.clone())).collect();
        let lost: Vec<_> = lost.into_iter().map(|(_, instance)| instance).collect();
        abandon(self.base, &next, &lost, "it is left out").await;
        let without = self.compose(&kept);
        self.base.discard(next);
        Ok((kept, without, left_out))
    }

    /// The next composition: what stays of the current one, and these.
    fn compose(&mut self, new: &[Arc<Instance>]) -> Arc<Versioned<Composition>> {
        let current = self.base.cell.current();
        let stays = current.value().instances().filter(|instance| !self.leaves(instance));
        let instances = stays.cloned().chain(new.iter().cloned()).collect();
        let number = self.installed.next_composition;
        self.installed.next_composition += 1;
        let next = Versioned::new(Composition::new(number, instances, self.base.arounds()));
        // Work that the new instances begin in their start belongs to the composition to come.
        for instance in new {
            instance.state_cell().set_home(Some(next.clone()));
        }
        next
    }

    fn leaves(&self, instance: &Instance) -> bool {
        self.change.put.contains_key(instance.module()) || self.change.remove.contains(instance.module())
    }

    /// Lets every starter prepare the next composition; aborts all where one refuses.
    async fn prepare(&self, next: &Arc<Versioned<Composition>>) -> Result<(), CompositionError> {
        let starters = self.base.starters();
        let mut prepared: Vec<(&RunningStarter, TypeId, Box<dyn Any + Send + Sync>)> = Vec::new();
        for starter in starters.iter() {
            let preparing = starter.calls.prepare(next.value());
            let error = match not_longer_than(self.base.lifecycle.start_deadline, preparing).await {
                Ok(value) => {
                    prepared.push((starter, (starter.descriptor.type_id)(), value));
                    continue;
                }
                Err(error) => error,
            };
            for (starter, _, value) in prepared.into_iter().rev() {
                self.abort(starter, value).await;
            }
            let name = starter.descriptor.name;
            let site = starter.descriptor.site;
            return Err(CompositionError::new(
                "prepare",
                problems_of(error, "refused", |error| {
                    (
                        format!("the starter `{name}` refuses the composition: {error:#}"),
                        vec![Place::source(format!("the starter `{name}`"), site)],
                        "mend what it names; what serves now is unchanged".to_owned(),
                    )
                }),
            ));
        }
        let values = prepared.into_iter().map(|(_, type_id, value)| (type_id, value)).collect();
        next.value().set_prepared(values);
        Ok(())
    }

    /// Takes back what a starter prepared. One that cannot is told about, and holds nobody up.
    async fn abort(&self, starter: &RunningStarter, prepared: Box<dyn Any + Send + Sync>) {
        let aborting = async {
            starter.calls.abort(prepared).await;
            Ok(())
        };
        if let Err(error) = not_longer_than(self.base.lifecycle.stop_deadline, aborting).await {
            let name = starter.descriptor.name;
            tracing::error!(target: "bedplate::deploy", starter = name, "the starter `{name}` did not take back what it prepared: {error:#}");
        }
    }

    /// The one moment: from here on, whatever enters finds the next composition.
    fn swap(
        &self,
        next: &Arc<Versioned<Composition>>,
        new: &[Arc<Instance>],
    ) -> (Arc<Versioned<Composition>>, Vec<Arc<Instance>>) {
        let current = self.base.cell.current();
        let leaving: Vec<_> = current.value().instances().filter(|instance| self.leaves(instance)).cloned().collect();
        // Before the pointer moves: unpinned work of what leaves must find its home at any time.
        for instance in &leaving {
            instance.state_cell().set_home(Some(current.clone()));
        }
        drop(current);
        let was = self.base.replace(next.clone());
        for instance in new {
            instance.state_cell().set_home(None);
        }
        (was, leaving)
    }

    fn announce(
        &self,
        new: &[Arc<Instance>],
        was: Arc<Versioned<Composition>>,
        leaving: &[Arc<Instance>],
        now: &Composition,
    ) {
        let cause = match self.reason {
            Reason::Ending => "the base ends".to_owned(),
            Reason::Asked | Reason::Restart(_) => format!("composition {} took over", now.number()),
        };
        for instance in leaving {
            let state = instance.state_cell();
            state.transition(ModuleState::Draining, &cause);
            state.draining.cancel();
            crate::sync::lock(&state.background).cancel();
        }
        for starter in self.base.starters().iter() {
            if let Err(text) = catch(|| starter.calls.committed(now)) {
                tracing::error!(target: "bedplate::deploy", starter = starter.descriptor.name, "panicked in `committed`: {text}");
            }
        }
        for instance in new {
            if let Some(exports) = instance.exports() {
                exports.start_background();
            }
            instance.state_cell().begins_to_serve();
        }
        if leaving.is_empty() {
            drop(was);
            self.base.forget_superseded();
        } else {
            let counted = Retiring::begin(self.base);
            let ending = retire(self.base.clone(), was, leaving.to_vec());
            self.base.runtime.spawn(async move {
                ending.await;
                drop(counted);
            });
        }
    }
}

type LeftOut = Vec<(Arc<ModuleSpec>, String)>;

/// Counts a retirement, until it is dropped, however it ends.
struct Retiring(Arc<Shared>);

impl Retiring {
    fn begin(base: &Arc<Shared>) -> Self {
        base.retiring.hold();
        Self(base.clone())
    }
}

impl Drop for Retiring {
    fn drop(&mut self) {
        self.0.retiring.release();
    }
}

fn not_installed(name: &ModuleName) -> Problem {
    Problem {
        code: "not-installed",
        what: format!("`{name}` cannot be taken out: it is not part of the composition"),
        places: Vec::new(),
        help: "see `modules` for what is".to_owned(),
    }
}
