//! One deployment: builds the next composition beside the current one, and swaps the pointer.

use std::sync::Arc;
use std::time::Instant;

use crate::base::Shared;
use crate::compose::{Composition, CompositionError, Problem};
use crate::deploy::aside::LeftOut;
use crate::deploy::bake::{Leaving, end};
use crate::deploy::ledger::{Committing, DeploymentOutcome, Ended, Occasion, Reporter};
use crate::deploy::make::problems_of;
use crate::deploy::next::Next;
use crate::deploy::prepare::Preparation;
use crate::deploy::restart::{Failed, overtaken};
use crate::deploy::retire::{abandon, begin_drain, retire};
use crate::deploy::{Change, Deployed, Progress, Step, Versioned, Watcher};
use crate::descriptors::ModuleName;
use crate::isolation::catch;
use crate::module::{Instance, InstanceId, ModuleState};

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
pub(super) enum Round {
    First,
    Later,
}

/// Carries out a change when its turn has come, to its end even where the caller goes away.
pub(crate) async fn deploy(
    base: &Arc<Shared>,
    change: Change,
    reason: Reason,
    watcher: Option<Watcher>,
) -> Result<Deployed, CompositionError> {
    let running = base.clone();
    // Here, not on the task: whoever asks first is first.
    let turn = base.deployer.line.join();
    let reporter = Reporter { deployment: turn.number(), ledger: base.ledger(), watcher };
    let task = base.runtime.spawn(async move {
        turn.comes(|position| reporter.tell(Progress::Queued { position })).await;
        reporter.tell(Progress::Begun { deployment: turn.number() });
        let deployed = Deployment::new(&running, change, reason, reporter).run().await;
        drop(turn);
        deployed
    });
    task.await.unwrap_or_else(|error| Err(interrupted(&error)))
}

/// What a deployment answers that did not come to its end.
pub(super) fn interrupted(error: &dyn std::fmt::Display) -> CompositionError {
    let problem = Problem {
        code: "deployment-interrupted",
        what: format!("the deployment was interrupted: {error}"),
        places: Vec::new(),
        help: "the base is shutting down, or this is a fault of bedplate".to_owned(),
    };
    CompositionError::new("deploy", vec![problem])
}

/// What a deployment answers that comes too late.
pub(super) fn base_ending(step: &'static str) -> CompositionError {
    let problem = Problem {
        code: "base-ending",
        what: "the base is ending, and takes no deployment any more".to_owned(),
        places: Vec::new(),
        help: "deploy to a base that serves".to_owned(),
    };
    CompositionError::new(step, vec![problem])
}

pub(super) struct Deployment<'a> {
    pub(super) base: &'a Arc<Shared>,
    pub(super) change: Change,
    pub(super) reason: Reason,
    pub(super) round: Round,
    pub(super) next: Next,
    pub(super) reporter: Reporter,
    steps: Vec<Step>,
    since: Instant,
}

/// What a deployment came to.
enum Failure {
    /// Nothing has changed.
    Failed(CompositionError),
    /// It was swapped in, and what served before serves again.
    TakenBack(CompositionError),
}

impl From<CompositionError> for Failure {
    fn from(error: CompositionError) -> Self {
        Self::Failed(error)
    }
}

impl<'a> Deployment<'a> {
    pub(super) fn new(base: &'a Arc<Shared>, change: Change, reason: Reason, reporter: Reporter) -> Self {
        let round = if base.cell.current().value().number() == 0 { Round::First } else { Round::Later };
        let next = Next::of_now(base);
        Self { base, change, reason, round, next, reporter, steps: Vec::new(), since: Instant::now() }
    }

    async fn run(mut self) -> Result<Deployed, CompositionError> {
        let result = self.carry_out().await;
        if result.is_err() {
            self.base.bakes.unclaim(self.base).await;
        }
        let (outcome, result) = match result {
            Ok(deployed) => (DeploymentOutcome::Serves(deployed.clone()), Ok(deployed)),
            Err(Failure::Failed(error)) => (DeploymentOutcome::Failed(error.clone()), Err(error)),
            Err(Failure::TakenBack(error)) => (DeploymentOutcome::TakenBack(error.clone()), Err(error)),
        };
        if let Some(occasion) = self.occasion() {
            let (deployment, source) = (self.reporter.deployment, self.change.source.take());
            let steps = std::mem::take(&mut self.steps);
            self.reporter.ended(self.base, Ended { deployment, occasion, source, outcome, steps }).await;
        }
        result
    }

    async fn carry_out(&mut self) -> Result<Deployed, Failure> {
        self.may_begin()?;
        self.next = self.resolve()?;
        self.done("check");

        let (new, mut left_out) = self.construct().await?;
        self.done("construct");
        let (new, not_migrated) = self.migrate(new).await?;
        self.done("migrate");
        let (new, next, not_started) = self.start(new).await?;
        self.done("start");
        left_out.extend(not_migrated);
        left_out.extend(not_started);
        left_out.iter().for_each(|left_out| {
            self.next.specs.remove(&left_out.member);
        });

        let take_over = self.take_over(&new);
        match self.prepare(next.value()).await {
            Ok(prepared) if !take_over.is_nothing() => {
                self.done("prepare");
                next.value().set_prepared(prepared.into_values());
                return Ok(self.carry_over(&next, new, left_out, take_over).await?);
            }
            Ok(prepared) => {
                self.done("prepare");
                self.record(&next, &new, &left_out, prepared).await?;
            }
            Err(error) if self.reason == Reason::Ending => {
                self.done("prepare");
                tracing::error!(target: "bedplate::deploy", "the base ends all the same: {error}");
            }
            Err(error) => {
                self.give_up(next, &new, "a starter refused the composition").await;
                return Err(error.into());
            }
        }

        let (was, replaced) = self.swap(&next, &new);
        self.done("swap");
        if let Err(problems) = self.prove(&next, &new).await {
            self.take_back(&next, &was, new, &replaced);
            let error = CompositionError::new("prove", problems);
            tracing::error!(target: "bedplate::deploy", "composition {} is taken back: {error}", next.value().number());
            return Err(Failure::TakenBack(error));
        }
        Ok(self.went_live(&next, &was, &new, replaced, left_out).await)
    }

    /// A step has ended.
    pub(super) fn done(&mut self, name: &'static str) {
        let step = Step { name, took: self.since.elapsed() };
        self.steps.push(step);
        self.reporter.tell(Progress::Step(step));
        self.since = Instant::now();
    }

    fn occasion(&self) -> Option<Occasion> {
        match (self.reason, self.round) {
            (Reason::Ending, _) => None,
            (Reason::Restart(_), _) => Some(Occasion::Restart),
            (Reason::Asked, Round::First) => Some(Occasion::Start),
            (Reason::Asked, Round::Later) => Some(Occasion::Asked),
        }
    }

    /// Whether there is still something to do, now that it is this deployment's turn.
    pub(super) fn may_begin(&self) -> Result<(), CompositionError> {
        if let Reason::Restart(failed) = self.reason {
            let now = self.base.cell.current();
            let serves = |(module, scene): &(_, _)| now.value().instance(module, scene).map(|instance| instance.uid());
            if let Some((module, _)) = self.change.put.keys().find(|member| !failed.is_still(serves(member))) {
                return Err(overtaken(module));
            }
        }
        if self.base.is_ending() && self.reason != Reason::Ending {
            return Err(base_ending("check"));
        }
        Ok(())
    }

    /// Gives up what was started aside.
    async fn give_up(&self, next: Arc<Versioned<Composition>>, new: &[Arc<Instance>], cause: &str) {
        abandon(self.base, &next, new, cause).await;
        self.base.discard(next);
    }

    /// Has the ledger record what is about to serve, and only then keeps what the starters prepared.
    async fn record(
        &mut self,
        next: &Arc<Versioned<Composition>>,
        new: &[Arc<Instance>],
        left_out: &[LeftOut],
        prepared: Preparation,
    ) -> Result<(), CompositionError> {
        let current = self.base.cell.current();
        if let Err(error) = self.commit(current.value(), next.value(), new, left_out).await {
            prepared.abort(self.base).await;
            self.give_up(next.clone(), new, "it could not be recorded").await;
            return Err(error);
        }
        next.value().set_prepared(prepared.into_values());
        Ok(())
    }

    /// Has the ledger record that `next` is about to serve in the place of `was`, where there is one.
    pub(super) async fn commit(
        &mut self,
        was: &Composition,
        next: &Composition,
        new: &[Arc<Instance>],
        left_out: &[LeftOut],
    ) -> Result<(), CompositionError> {
        let Some(occasion @ (Occasion::Start | Occasion::Asked)) = self.occasion() else { return Ok(()) };
        if self.reporter.ledger.is_none() {
            return Ok(());
        }
        let committing = self.committing(was, next, new, left_out, occasion);
        if let Err(error) = self.reporter.commit(self.base, committing).await {
            // A ledger that refuses says why in problems of its own.
            let problems = problems_of(error, "not-recorded", |error| {
                (
                    format!("the deployment could not be recorded, so it was not made: {error:#}"),
                    Vec::new(),
                    "mend what it names (is the disk full?); what serves now is unchanged".to_owned(),
                )
            });
            return Err(CompositionError::new("record", problems));
        }
        self.done("record");
        Ok(())
    }

    fn committing(
        &self,
        was: &Composition,
        next: &Composition,
        new: &[Arc<Instance>],
        left_out: &[LeftOut],
        occasion: Occasion,
    ) -> Committing {
        let replaced = was.instances().filter(|instance| self.leaves(instance));
        let mut waiting = self.base.restarts.waiting(next);
        waiting.extend(left_out.iter().map(|left_out| left_out.spec.name.clone()));
        waiting.retain(|name| !self.change.remove.contains(name));
        waiting.sort();
        waiting.dedup();
        let removed: Vec<_> = self.change.remove.iter().filter(|name| !self.change.puts(name)).cloned().collect();
        let serves = |name: &ModuleName| next.instances().any(|instance| instance.module() == name);
        let mut absent = self.base.deployer.available();
        absent.retain(|name, _| !serves(name) && !removed.contains(name));
        Committing {
            deployment: self.reporter.deployment,
            composition: next.number(),
            occasion,
            members: next.instances().map(|instance| (instance.id().clone(), instance.spec.clone())).collect(),
            waiting,
            absent: absent.into_values().collect(),
            removed,
            came: ids(new),
            revived: ids(self.next.revived.values()),
            replaced: replaced.map(|instance| instance.id().clone()).collect(),
            settings: self.change.settings.clone(),
            source: self.change.source.clone(),
            steps: self.steps.clone(),
        }
    }

    /// The one moment: from here on, whatever enters finds the next composition. Returns what served until now,
    /// and what of it serves no longer.
    pub(super) fn swap(
        &self,
        next: &Arc<Versioned<Composition>>,
        new: &[Arc<Instance>],
    ) -> (Arc<Versioned<Composition>>, Vec<Arc<Instance>>) {
        let current = self.base.cell.current();
        let replaced: Vec<_> = current.value().instances().filter(|instance| self.leaves(instance)).cloned().collect();
        // Before the pointer moves: unpinned work of what leaves must find its home at any time.
        for instance in &replaced {
            instance.state_cell().set_home(Some(current.clone()));
        }
        drop(current);
        let was = self.base.replace(next.clone());
        for instance in new.iter().chain(self.next.revived.values()) {
            instance.state_cell().set_home(None);
        }
        (was, replaced)
    }

    /// Lets what served before serve again: what came has not proved itself.
    fn take_back(
        &self,
        next: &Arc<Versioned<Composition>>,
        was: &Arc<Versioned<Composition>>,
        new: Vec<Arc<Instance>>,
        replaced: &[Arc<Instance>],
    ) {
        for instance in &new {
            instance.state_cell().set_home(Some(next.clone()));
        }
        self.base.bakes.restore_homes();
        self.base.put_back(was);
        for instance in replaced {
            instance.state_cell().set_home(None);
        }
        let leaving = new.into_iter().map(|instance| {
            begin_drain(&instance, "it did not prove itself, and was taken back");
            Leaving::new(self.base, instance, next.clone(), self.reporter.clone())
        });
        self.retire(leaving.collect());
    }

    /// The swap stands: tells the starters, moves the background work, and lets what was replaced stay warm or
    /// end.
    pub(super) async fn went_live(
        &mut self,
        next: &Arc<Versioned<Composition>>,
        was: &Arc<Versioned<Composition>>,
        new: &[Arc<Instance>],
        replaced: Vec<Arc<Instance>>,
        left_out: Vec<LeftOut>,
    ) -> Deployed {
        let now = next.value();
        let forgotten = self.change.remove.iter().filter(|name| !self.change.puts(name));
        self.base.deployer.install(std::mem::take(&mut self.next.specs), forgotten);
        if self.reason == Reason::Asked {
            // What had failed before is not held against what somebody has deployed now.
            let members = self.next.fresh.keys().chain(self.next.revived.keys()).chain(&self.next.gone);
            members.for_each(|member| self.base.restarts.forget(member));
            self.change.remove.iter().for_each(|module| self.base.restarts.forget_module(module));
        }
        let cause = match self.reason {
            Reason::Ending => "the base ends".to_owned(),
            Reason::Asked | Reason::Restart(_) => format!("composition {} took over", now.number()),
        };
        let (warm, leaving): (Vec<_>, Vec<_>) = replaced.into_iter().partition(|instance| self.bakes(instance));
        for instance in &warm {
            let state = instance.state_cell();
            // One that has failed stays so, and is the same again when it comes back.
            state.transition_where(|state| state == ModuleState::Active, ModuleState::Warm, &cause);
            state.goes_warm();
        }
        for instance in leaving.iter().filter(|instance| instance.state() != ModuleState::Stopped) {
            begin_drain(instance, &cause);
        }
        self.tell_starters(now);
        // No longer warm: their time cannot end any more.
        drop(self.base.bakes.take_claimed());
        for instance in self.next.revived.values() {
            let state = instance.state_cell();
            state.transition_where(|state| state == ModuleState::Warm, ModuleState::Active, &cause);
            state.comes_back();
        }
        for instance in new.iter().chain(self.next.revived.values()) {
            if let Some(exports) = instance.exports() {
                exports.start_background();
            }
            instance.state_cell().begins_to_serve();
        }
        let deployed = Deployed {
            deployment: self.reporter.deployment,
            composition: now.number(),
            came: ids(new),
            revived: ids(self.next.revived.values()),
            leaving: ids(&leaving),
            warm: ids(&warm),
            left_out: left_out.iter().map(|left_out| (left_out.spec.name.clone(), left_out.cause.clone())).collect(),
            steps: self.steps.clone(),
        };
        self.see_off(was, warm, leaving, &cause).await;
        for LeftOut { member, spec, cause } in left_out {
            self.base.restarts.did_not_start(self.base, &member, &spec, &cause);
        }
        deployed
    }

    /// Tells the starters what serves now.
    pub(super) fn tell_starters(&self, now: &Composition) {
        for starter in self.base.starters().iter() {
            if let Err(text) = catch(|| starter.calls.committed(now)) {
                tracing::error!(target: "bedplate::deploy", starter = starter.descriptor.name, "panicked in `committed`: {text}");
            }
        }
    }

    /// What was replaced stays warm for its time, or ends; and so does what was warm before it.
    async fn see_off(
        &self,
        was: &Arc<Versioned<Composition>>,
        warm: Vec<Arc<Instance>>,
        leaving: Vec<Arc<Instance>>,
        cause: &str,
    ) {
        let leave = |instance| Leaving::new(self.base, instance, was.clone(), self.reporter.clone());
        let mut leaving: Vec<_> = leaving.into_iter().map(leave).collect();
        match self.reason {
            Reason::Ending => {
                // In one order with what served until now.
                for warm in self.base.bakes.take(|_| true) {
                    begin_drain(warm.instance(), cause);
                    leaving.push(warm.cool(self.base).await);
                }
            }
            // A predecessor outlives the restarts of what replaced it: it is needed most then.
            Reason::Restart(_) => {}
            Reason::Asked => {
                let older = self.base.bakes.take(|member| self.next.concerns(member));
                end(self.base, older, cause).await;
            }
        }
        if !warm.is_empty() {
            self.base.bakes.begin(self.base, warm.into_iter().map(leave).collect(), self.change.bake);
        }
        self.retire(leaving);
    }

    /// Whether a replaced instance stays warm. What a rollback replaces does not.
    fn bakes(&self, instance: &Instance) -> bool {
        !self.change.bake.is_zero()
            && self.reason == Reason::Asked
            && !self.next.revived.contains_key(&instance.member())
            && !self.gives_way(instance)
    }

    pub(super) fn retire(&self, leaving: Vec<Leaving>) {
        if leaving.is_empty() {
            self.base.forget_superseded();
        } else {
            self.base.runtime.spawn(retire(self.base.clone(), leaving));
        }
    }
}

fn ids<'i>(instances: impl IntoIterator<Item = &'i Arc<Instance>>) -> Vec<InstanceId> {
    instances.into_iter().map(|instance| instance.id().clone()).collect()
}
