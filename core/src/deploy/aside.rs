//! Brings new instances up beside what serves: made, migrated, started, and not visible yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::base::{ModuleSettings, Phase};
use crate::compose::{Composition, CompositionError, Problem, required_among};
use crate::deploy::change::Breaking;
use crate::deploy::engine::{Deployment, Reason, Round, base_ending};
use crate::deploy::make::{make_within, problems_of};
use crate::deploy::retire::{abandon, bury, forget};
use crate::deploy::start::{START_SKIPPED, Started, place, start_all};
use crate::deploy::{Member, Versioned, not_longer_than};
use crate::descriptors::Presence;
use crate::module::{Instance, InstanceState, ModuleSpec, ModuleState};
use crate::starter::Staged;

/// An optional module that failed, and is left out of the first composition.
pub(super) struct LeftOut {
    pub(super) member: Member,
    pub(super) spec: Arc<ModuleSpec>,
    pub(super) cause: String,
}

/// What came up, and what is left out.
type Up = (Vec<Arc<Instance>>, Vec<LeftOut>);

impl Deployment<'_> {
    /// Makes an instance of each module that is put.
    pub(super) async fn construct(&self) -> Result<Up, CompositionError> {
        let mut made = Vec::new();
        let mut lost = Vec::new();
        let mut failed = BTreeMap::new();
        for (member, spec) in &self.next.fresh {
            let state = self.begin(member);
            let (configuration, limit) = (&self.next.configuration, self.start_deadline(member));
            match make_within(limit, self.base, configuration, spec.clone(), state.clone()).await {
                Ok(instance) => made.push(Arc::new(instance)),
                Err(found) => {
                    state.transition(ModuleState::Failed, found.first().map_or("", |problem| &problem.what));
                    lost.push(state);
                    failed.insert(member.clone(), found);
                }
            }
        }
        bury(self.base, &lost).await;
        self.leave_out("construct", made, failed).await
    }

    /// How long each step of a member's start may take, by the settings that it starts with.
    pub(super) fn start_deadline(&self, member: &Member) -> Duration {
        self.next.configuration.start_deadline(&member.0)
    }

    /// The identity of the next instance of a module.
    pub(super) fn begin(&self, member: &Member) -> Arc<InstanceState> {
        let (id, scene) = self.base.deployer.next_instance(member);
        InstanceState::new(id, scene, self.base, self.base.runtime.clone())
    }

    /// Goes on without optional modules that failed, and without what requires them, where the
    /// base has not served before; else gives all up.
    async fn leave_out(
        &self,
        step: &'static str,
        instances: Vec<Arc<Instance>>,
        failed: BTreeMap<Member, Vec<Problem>>,
    ) -> Result<Up, CompositionError> {
        if failed.is_empty() {
            return Ok((instances, Vec::new()));
        }
        let causes = self.with_dependents(&failed);
        let may_fail =
            |member: &Member| self.next.configuration.presence(&self.next.fresh[member]) == Presence::Optional;
        if self.round == Round::Later || !causes.keys().all(may_fail) {
            forget(self.base, &instances, "another module of the deployment failed").await;
            return Err(CompositionError::new(step, failed.into_values().flatten().collect()));
        }
        let (lost, kept): (Vec<_>, Vec<_>) =
            instances.into_iter().partition(|instance| causes.contains_key(&instance.member()));
        forget(self.base, &lost, "it is left out").await;
        let left_out = |(member, cause): (Member, String)| {
            let spec = self.next.fresh[&member].clone();
            LeftOut { member, spec, cause }
        };
        Ok((kept, causes.into_iter().map(left_out).collect()))
    }

    /// The modules that failed and those that require them, each with the cause.
    fn with_dependents(&self, failed: &BTreeMap<Member, Vec<Problem>>) -> BTreeMap<Member, String> {
        let what = |problems: &Vec<Problem>| problems.first().map_or_else(String::new, |problem| problem.what.clone());
        let mut causes: BTreeMap<_, _> =
            failed.iter().map(|(member, problems)| (member.clone(), what(problems))).collect();
        let fresh: Vec<_> = self.next.fresh.iter().collect();
        let members: Vec<_> = fresh.iter().map(|((_, scene), spec)| (scene, &***spec)).collect();
        let needs = required_among(&members);
        loop {
            let next = fresh.iter().zip(&needs).find_map(|((member, spec), needs)| {
                let mut needed = needs.iter().map(|index| fresh[*index]);
                let (_, lost) = needed.find(|(member, _)| causes.contains_key(*member))?;
                let cause = format!("`{}` requires `{}`, which is left out", spec.name, lost.name);
                (!causes.contains_key(*member)).then(|| ((*member).clone(), cause))
            });
            let Some((member, cause)) = next else { return causes };
            causes.insert(member, cause);
        }
    }

    /// What a starter is told of an instance that is not up yet.
    pub(super) fn staged<'s>(&self, instance: &'s Instance, settings: &'s ModuleSettings<'s>) -> Staged<'s> {
        Staged {
            id: instance.id(),
            requirements: &instance.spec.requirements,
            settings,
            // Before the first composition no other generation is there to be broken.
            breaking: self.round == Round::First || self.change.breaking == Breaking::Allowed,
        }
    }

    /// Lets the starters migrate the data of the new instances. A base that ends does not wait for them.
    pub(super) async fn migrate(&self, new: Vec<Arc<Instance>>) -> Result<Up, CompositionError> {
        let mut phases = self.base.phase.subscribe();
        let ending = phases.wait_for(|phase| matches!(phase, Phase::Draining | Phase::Stopped));
        let migrating = self.migrate_all(&new);
        let failed = tokio::select! {
            failed = migrating => Some(failed),
            _ = ending, if self.reason != Reason::Ending => None,
        };
        match failed {
            Some(failed) => self.leave_out("migrate", new, failed).await,
            None => {
                forget(self.base, &new, "the base ends").await;
                Err(base_ending("migrate"))
            }
        }
    }

    async fn migrate_all(&self, new: &[Arc<Instance>]) -> BTreeMap<Member, Vec<Problem>> {
        let limit = self.next.configuration.core.lifecycle.migrate_deadline;
        let mut failed = BTreeMap::new();
        for instance in new {
            let mut problems = Vec::new();
            for starter in self.base.starters().iter() {
                let settings = self.next.configuration.module(instance.module(), instance.scene());
                let staged = self.staged(instance, &settings);
                let Err(error) = not_longer_than(limit, starter.calls.migrate(&staged)).await else { continue };
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
                failed.insert(instance.member(), problems);
            }
        }
        failed
    }

    /// Starts the new instances aside; leaves optional ones out where that is allowed.
    pub(super) async fn start(
        &self,
        new: Vec<Arc<Instance>>,
    ) -> Result<(Vec<Arc<Instance>>, Arc<Versioned<Composition>>, Vec<LeftOut>), CompositionError> {
        if let Err(error) = self.wait_for_former(&new).await {
            forget(self.base, &new, "a former instance has not ended").await;
            return Err(error);
        }
        let next = self.compose(&new);
        let take_over = self.take_over(&new);
        let early: Vec<_> = new.iter().filter(|instance| !take_over.is_late(instance)).cloned().collect();
        let deadlines: Vec<Duration> = early.iter().map(|instance| self.start_deadline(&instance.member())).collect();
        let Started { mut failed } = start_all(&next, &early, &deadlines).await;
        if failed.is_empty() {
            failed = self.export_late(&next, &take_over).await;
        }
        if failed.is_empty() {
            return Ok((new, next, Vec::new()));
        }
        // In the first round nothing is late: the indices are those of `new`.
        let may_fail = |index: &usize| self.next.configuration.presence(&new[*index].spec) == Presence::Optional;
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
        let left_out = lost
            .iter()
            .map(|(index, instance)| LeftOut {
                member: instance.member(),
                spec: instance.spec.clone(),
                cause: failed[index].what.clone(),
            })
            .collect();
        let lost: Vec<_> = lost.into_iter().map(|(_, instance)| instance).collect();
        abandon(self.base, &next, &lost, "it is left out").await;
        let without = self.compose(&kept);
        self.base.discard(next);
        Ok((kept, without, left_out))
    }

    /// The next composition: what stays of the current one, what serves again, and these.
    pub(super) fn compose(&self, new: &[Arc<Instance>]) -> Arc<Versioned<Composition>> {
        let current = self.base.cell.current();
        let stays = current.value().instances().filter(|instance| !self.leaves(instance));
        let instances = stays.chain(self.next.revived.values()).chain(new).cloned().collect();
        let number = self.base.deployer.next_composition();
        let configuration = self.next.configuration.clone();
        let next = Versioned::new(Composition::new(number, instances, self.base.arounds(), configuration));
        // Work that the new instances begin in their start belongs to the composition to come.
        for instance in new {
            instance.state_cell().set_home(Some(next.clone()));
        }
        next
    }
}
