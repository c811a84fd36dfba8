//! One deployment: builds the next composition beside the current one, and swaps the pointer.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::base::{ModuleSettings, RunningStarter, Shared};
use crate::compose::{Composition, CompositionError, Place, Problem, check};
use crate::deploy::retire::{retire, stop_all};
use crate::deploy::start::{Started, place, start_all};
use crate::deploy::{Change, Deployed, Step, Versioned};
use crate::descriptors::{ModuleName, Presence};
use crate::isolation::{Contained, Frame, Scoped, catch};
use crate::module::{
    Fields, Instance, InstanceId, InstanceState, ModuleContext, ModuleSpec, ModuleState, PublishedService,
};
use crate::scene::SceneName;
use crate::starter::{Handles, Provided, Staged};

/// One deployment at a time; others wait for their turn.
pub(crate) struct Deployer {
    state: Mutex<Installed>,
}

/// What the base is composed of, as the next deployment finds it.
struct Installed {
    specs: BTreeMap<ModuleName, Arc<ModuleSpec>>,
    generations: BTreeMap<ModuleName, u64>,
    next_uid: u64,
    next_composition: u64,
}

/// Whether the base has served before: the first composition may leave optional modules out.
#[derive(Clone, Copy, PartialEq)]
enum Round {
    First,
    Later,
}

impl Deployer {
    pub(crate) fn new() -> Self {
        let installed =
            Installed { specs: BTreeMap::new(), generations: BTreeMap::new(), next_uid: 1, next_composition: 1 };
        Self { state: Mutex::new(installed) }
    }

    /// The installed module of this name.
    pub(crate) async fn spec(&self, module: &ModuleName) -> Option<Arc<ModuleSpec>> {
        self.state.lock().await.specs.get(module).cloned()
    }
}

/// Carries out a change, to its end even where the caller goes away.
pub(crate) async fn deploy(base: &Arc<Shared>, change: Change) -> Result<Deployed, CompositionError> {
    let running = base.clone();
    let task = base.runtime.spawn(async move {
        let mut installed = running.deployer.state.lock().await;
        Deployment::new(&running, &mut installed, change).run().await
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
    round: Round,
    scene: SceneName,
    steps: Vec<Step>,
    since: Instant,
}

impl<'a> Deployment<'a> {
    fn new(base: &'a Arc<Shared>, installed: &'a mut Installed, change: Change) -> Self {
        let round = if base.cell.current().value().number() == 0 { Round::First } else { Round::Later };
        Self { base, installed, change, round, scene: SceneName::main(), steps: Vec::new(), since: Instant::now() }
    }

    async fn run(mut self) -> Result<Deployed, CompositionError> {
        let mut specs = self.next_specs()?;
        self.done("check");

        let (new, problems) = self.construct();
        if !problems.is_empty() {
            self.drop_instances(&new, "another module of the deployment cannot be made").await;
            return Err(CompositionError::new("construct", problems));
        }
        self.done("construct");
        if let Err(error) = self.migrate(&new).await {
            self.drop_instances(&new, "a step before its start failed").await;
            return Err(error);
        }
        self.done("migrate");

        let (new, next, left_out) = self.start(new).await?;
        self.done("start");
        for (spec, _) in &left_out {
            specs.remove(&spec.name);
        }

        if let Err(error) = self.prepare(&next).await {
            stop_all(self.base, &next, &new).await;
            self.drop_instances(&new, "a starter refused the composition").await;
            return Err(error);
        }
        self.done("prepare");

        self.installed.specs = specs;
        let leaving = self.swap(&next, &new);
        self.done("swap");
        self.announce(&new, &leaving, next.value());
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

    /// What the next composition is made of, checked.
    fn next_specs(&self) -> Result<BTreeMap<ModuleName, Arc<ModuleSpec>>, CompositionError> {
        let mut specs = self.installed.specs.clone();
        let unknown: Vec<_> = self.change.remove.iter().filter(|name| specs.remove(*name).is_none()).collect();
        let mut problems: Vec<_> = unknown.into_iter().map(not_installed).collect();
        specs.extend(self.change.put.iter().map(|(name, spec)| (name.clone(), spec.clone())));
        let list: Vec<_> = specs.values().cloned().collect();
        let starters: Vec<_> = self.base.starters().iter().map(|starter| starter.descriptor).collect();
        problems.extend(check(&self.scene, &list, &starters));
        if problems.is_empty() { Ok(specs) } else { Err(CompositionError::new("check", problems)) }
    }

    /// Makes an instance of each module that is put.
    fn construct(&mut self) -> (Vec<Arc<Instance>>, Vec<Problem>) {
        let specs: Vec<_> = self.change.put.values().cloned().collect();
        let mut made = Vec::new();
        let mut problems = Vec::new();
        for spec in specs {
            match self.construct_one(spec) {
                Ok(instance) => made.push(Arc::new(instance)),
                Err(found) => problems.extend(found),
            }
        }
        (made, problems)
    }

    fn construct_one(&mut self, spec: Arc<ModuleSpec>) -> Result<Instance, Vec<Problem>> {
        let generation = self.installed.generations.entry(spec.name.clone()).or_default();
        *generation += 1;
        let id = InstanceId { module: spec.name.clone(), scene: self.scene.clone(), generation: *generation };
        let uid = self.installed.next_uid;
        self.installed.next_uid += 1;
        let state = InstanceState::new(id, uid, 0, self.base, self.base.runtime.clone());
        let result = make(self.base, spec, state.clone());
        if let Err(problems) = &result {
            state.transition(ModuleState::Failed, problems.first().map_or("", |problem| &problem.what));
        }
        result
    }

    async fn migrate(&self, new: &[Arc<Instance>]) -> Result<(), CompositionError> {
        let mut problems = Vec::new();
        for instance in new {
            let settings = self.base.module_settings(instance.module(), instance.scene());
            let staged = Staged { id: instance.id(), requirements: &instance.spec.requirements, settings: &settings };
            for starter in self.base.starters() {
                let migrating = AssertUnwindSafe(starter.calls.migrate(&staged)).catch_unwind();
                let error = match migrating.await {
                    Ok(Ok(())) => continue,
                    Ok(Err(error)) => error,
                    Err(_) => anyhow::anyhow!("the starter panicked; the log has the panic's text"),
                };
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
        }
        if problems.is_empty() { Ok(()) } else { Err(CompositionError::new("migrate", problems)) }
    }

    /// Starts the new instances aside; leaves optional ones out where that is allowed.
    async fn start(
        &mut self,
        new: Vec<Arc<Instance>>,
    ) -> Result<(Vec<Arc<Instance>>, Arc<Versioned<Composition>>, LeftOut), CompositionError> {
        let next = self.compose(&new);
        let deadlines: Vec<Duration> = new.iter().map(|instance| self.base.start_deadline(instance.module())).collect();
        let Started { failed } = start_all(&next, &new, &deadlines).await;
        if failed.is_empty() {
            return Ok((new, next, Vec::new()));
        }
        let may_fail = |index: &usize| self.base.presence(&new[*index].spec) == Presence::Optional;
        if self.round == Round::Later || !failed.keys().all(may_fail) {
            let (not_started, started): (Vec<_>, Vec<_>) =
                new.iter().cloned().enumerate().partition(|(index, _)| failed.contains_key(index));
            let started: Vec<_> = started.into_iter().map(|(_, instance)| instance).collect();
            stop_all(self.base, &next, &started).await;
            self.drop_instances(&started, "another module of the deployment failed").await;
            self.drop_instances(&not_started.into_iter().map(|(_, instance)| instance).collect::<Vec<_>>(), "").await;
            return Err(CompositionError::new("start", failed.into_values().collect()));
        }
        let (lost, kept): (Vec<_>, Vec<_>) =
            new.into_iter().enumerate().partition(|(index, _)| failed.contains_key(index));
        let kept: Vec<_> = kept.into_iter().map(|(_, instance)| instance).collect();
        let mut left_out = Vec::new();
        for (index, instance) in lost {
            let cause = failed[&index].what.clone();
            self.drop_instances(std::slice::from_ref(&instance), "").await;
            left_out.push((instance.spec.clone(), cause));
        }
        let next = self.compose(&kept);
        Ok((kept, next, left_out))
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
        let mut prepared: Vec<(&RunningStarter, TypeId, Box<dyn Any + Send + Sync>)> = Vec::new();
        for starter in self.base.starters() {
            let preparing = AssertUnwindSafe(starter.calls.prepare(next.value())).catch_unwind();
            let error = match timeout(self.base.lifecycle.start_deadline, preparing).await {
                Ok(Ok(Ok(value))) => {
                    prepared.push((starter, (starter.descriptor.type_id)(), value));
                    continue;
                }
                Ok(Ok(Err(error))) => error,
                Ok(Err(_)) => anyhow::anyhow!("it panicked; the log has the panic's text"),
                Err(_) => anyhow::anyhow!("it did not answer in time"),
            };
            for (starter, _, value) in prepared.into_iter().rev() {
                starter.calls.abort(value).await;
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

    /// The one moment: from here on, whatever enters finds the next composition.
    fn swap(&self, next: &Arc<Versioned<Composition>>, new: &[Arc<Instance>]) -> Vec<Arc<Instance>> {
        let current = self.base.cell.current();
        let leaving: Vec<_> = current.value().instances().filter(|instance| self.leaves(instance)).cloned().collect();
        // Before the pointer moves: unpinned work of what leaves must find its home at any time.
        for instance in &leaving {
            instance.state_cell().set_home(Some(current.clone()));
        }
        self.base.supersede(current);
        self.base.cell.swap(next.clone());
        for instance in new {
            instance.state_cell().set_home(None);
        }
        leaving
    }

    fn announce(&self, new: &[Arc<Instance>], leaving: &[Arc<Instance>], now: &Composition) {
        let was = self.base.last_superseded();
        for instance in leaving {
            let state = instance.state_cell();
            state.transition(ModuleState::Draining, &format!("composition {} took over", now.number()));
            state.draining.cancel();
            crate::sync::lock(&state.background).cancel();
        }
        for starter in self.base.starters() {
            if let Err(text) = catch(|| starter.calls.committed(now)) {
                tracing::error!(target: "bedplate::deploy", starter = starter.descriptor.name, "panicked in `committed`: {text}");
            }
        }
        for instance in new {
            if let Some(exports) = instance.exports()
                && let Err(text) = catch(|| exports.start_background())
            {
                instance.state_cell().report_panic("background", &text);
            }
        }
        if leaving.is_empty() {
            self.base.forget_superseded();
        } else if let Some(was) = was {
            let ending = retire(self.base.clone(), was, leaving.to_vec(), self.base.drain.deadline);
            self.base.retiring.spawn_on(ending, &self.base.runtime);
        }
    }

    /// Forgets instances that never served.
    async fn drop_instances(&self, instances: &[Arc<Instance>], cause: &str) {
        for instance in instances {
            let state = instance.state_cell();
            if !matches!(state.state(), ModuleState::Failed | ModuleState::Stopped) {
                state.transition(ModuleState::Failed, cause);
            }
            state.draining.cancel();
            state.cancelled.cancel();
            state.in_flight.cancel_all();
            state.set_home(None);
            for starter in self.base.starters() {
                starter.calls.release(instance.id()).await;
            }
        }
    }
}

type LeftOut = Vec<(Arc<ModuleSpec>, String)>;

/// Makes one instance: handles from the starters, then its constructor.
fn make(base: &Arc<Shared>, spec: Arc<ModuleSpec>, state: Arc<InstanceState>) -> Result<Instance, Vec<Problem>> {
    let settings: ModuleSettings<'_> = base.module_settings(&state.id.module, &state.id.scene);
    let module = Place::source(format!("the module `{}`", spec.name), spec.site);
    let mut handles = Handles::default();
    let mut problems = Vec::new();
    for starter in base.starters() {
        let staged = Staged { id: &state.id, requirements: &spec.requirements, settings: &settings };
        let result = catch(|| starter.calls.provide(&mut Provided { staged, handles: &mut handles }));
        if let Err(error) = result.unwrap_or_else(|text| Err(anyhow::anyhow!("it panicked: {text}"))) {
            problems.extend(problems_of(error, "not-provided", |error| {
                (
                    format!("the starter `{}` cannot serve `{}`: {error:#}", starter.descriptor.name, spec.name),
                    vec![module.clone()],
                    "mend the module's settings for this starter".to_owned(),
                )
            }));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let context = ModuleContext::new(state.clone());
    let mut frame = Some(Frame { pin: None, instance: state.clone(), deadline: None, depth: 0 });
    let made = {
        let _scope = Scoped::enter(&mut frame);
        catch(|| (spec.make)(&Fields { context: &context, handles: &handles, settings: &settings }))
    };
    let erased =
        made.unwrap_or_else(|text| Err(anyhow::anyhow!("its constructor panicked: {text}"))).map_err(|error| {
            problems_of(error, "construct-failed", |error| {
                (format!("`{}` cannot be made: {error:#}", spec.name), vec![module], "mend what it names".to_owned())
            })
        })?;
    let published = spec
        .publishes
        .iter()
        .filter(|publishes| publishes.scenes.is_empty() || publishes.scenes.contains(&context.scene().as_str()))
        .filter_map(|publishes| {
            (publishes.publish)(erased.object()).map(|object| PublishedService {
                contract: publishes.contract,
                contract_type: publishes.contract_type,
                object,
                site: publishes.site,
            })
        })
        .collect();
    let (module, published) = (Contained::new(erased, context.state()), Contained::new(published, context.state()));
    Ok(Instance { spec, context, module, published, exports: OnceLock::new() })
}

/// The problems of an error: its own, where it carries a list; else one that `describe` makes.
fn problems_of(
    error: anyhow::Error,
    code: &'static str,
    describe: impl FnOnce(&anyhow::Error) -> (String, Vec<Place>, String),
) -> Vec<Problem> {
    match error.downcast::<CompositionError>() {
        Ok(list) => list.problems,
        Err(error) => {
            let (what, places, help) = describe(&error);
            vec![Problem { code, what, places, help }]
        }
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
