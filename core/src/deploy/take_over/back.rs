//! A take-over that failed: what served before serves again, and what waited is led there.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::timeout;

use crate::compose::{Composition, CompositionError, Problem};
use crate::deploy::bake::Leaving;
use crate::deploy::engine::Deployment;
use crate::deploy::make::make_within;
use crate::deploy::retire::{abandon, bury, idle, stop_one, stop_order};
use crate::deploy::start::{Started, start_all};
use crate::deploy::take_over::flow::{Reached, Sides};
use crate::deploy::{Pinned, Versioned};
use crate::module::{Instance, ModuleState};
use crate::sync::lock;

impl Deployment<'_> {
    /// Takes a take-over back.
    pub(super) async fn go_back(&self, sides: Sides, reached: Reached, error: &CompositionError) {
        let Sides { next, was, new, replaced, take_over } = &sides;
        for instance in new {
            instance.state_cell().set_home(Some(next.clone()));
        }
        let mut came_back = Vec::new();
        let mut back = was.clone();
        let mut down = None;
        if !reached.stopped.is_empty() {
            self.let_go(next, &take_over.late).await;
            match self.once_more(was, &reached).await {
                Ok((composition, instances)) => (back, came_back) = (composition, instances),
                Err(problems) => down = Some(stay_down(&reached, &problems)),
            }
        }
        self.base.bakes.restore_homes();
        self.base.put_back(&back);
        let cause = format!("composition {} did not take over", next.value().number());
        let is_stopped = |instance: &Instance| reached.stopped.iter().any(|stopped| stopped.uid() == instance.uid());
        for instance in replaced.iter().filter(|instance| !is_stopped(instance)) {
            let state = instance.state_cell();
            state.set_home(None);
            state.transition_where(|state| state == ModuleState::Warm, ModuleState::Active, &cause);
            state.comes_back();
            begin_to_serve(instance);
        }
        for instance in &came_back {
            instance.state_cell().set_home(None);
            begin_to_serve(instance);
        }
        // After the swap: who is sent away pins what serves then.
        for instance in new {
            instance.state_cell().door.supersede(Pinned::new(Versioned::pin(&back)));
        }
        if self.base.is_ending() {
            // Asked to end while it did not serve.
            let again = replaced.iter().chain(&came_back);
            again.for_each(|instance| instance.state_cell().draining.cancel());
        }
        if !came_back.is_empty() {
            self.tell_starters(back.value());
        }
        if let Some(cause) = down {
            let stopped = reached.stopped.iter().map(|stopped| stopped.state_cell());
            stopped.for_each(|stopped| self.base.restarts.failed(self.base, stopped, cause.clone()));
        }
        // What has stopped and could not come back stays, for the restart policy.
        let ended = if came_back.is_empty() { Vec::new() } else { reached.stopped };
        self.see_off_failed(sides, ended, error);
    }

    /// What came ends, as soon as nothing has pinned its composition; and so does what has stopped already.
    fn see_off_failed(&self, sides: Sides, ended: Vec<Arc<Instance>>, error: &CompositionError) {
        let Sides { next, was, new, .. } = sides;
        let cause = error.problems.first().map_or("it did not take over", |problem| &problem.what);
        let mut leaving = Vec::new();
        for instance in new {
            let state = instance.state_cell();
            let never_came_up = |state| matches!(state, ModuleState::Resolved | ModuleState::Starting);
            state.transition_where(never_came_up, ModuleState::Failed, cause);
            state.transition_where(|state| state == ModuleState::Active, ModuleState::Draining, cause);
            state.draining.cancel();
            leaving.push(Leaving::new(self.base, instance, next.clone(), self.reporter.clone()));
        }
        let leave = |instance| Leaving::new(self.base, instance, was.clone(), self.reporter.clone());
        leaving.extend(ended.into_iter().map(leave));
        self.close_doors(&next, &leaving);
        self.retire(leaving);
    }

    /// Lets go of the composition that the doors lead to, when nobody can come to them any more.
    fn close_doors(&self, next: &Arc<Versioned<Composition>>, leaving: &[Leaving]) {
        let states: Vec<_> = leaving.iter().map(|leaving| leaving.instance.state_cell().clone()).collect();
        let (next, limit) = (next.clone(), self.base.drain().deadline);
        self.base.runtime.spawn(async move {
            // Those that are still there at the drain's deadline are cancelled.
            let _ = timeout(limit, next.pins().none()).await;
            drop(next);
            states.iter().for_each(|state| state.door.close());
        });
    }

    /// Ends what the new instances have begun: what they hold must be free for those that come after them.
    async fn let_go(&self, next: &Arc<Versioned<Composition>>, late: &[Arc<Instance>]) {
        for instance in late {
            instance.state_cell().draining.cancel();
            instance.state_cell().in_flight.cancel_own();
        }
        let _ = timeout(self.base.lifecycle().stop_deadline, idle(late)).await;
        for index in stop_order(late) {
            // What goes wrong is told.
            let _ = stop_one(self.base, next, &late[index]).await;
            late[index].state_cell().has_started.store(false, Ordering::Release);
        }
    }

    /// Starts the code of what has stopped once more.
    async fn once_more(
        &self,
        was: &Arc<Versioned<Composition>>,
        reached: &Reached,
    ) -> Result<(Arc<Versioned<Composition>>, Vec<Arc<Instance>>), Vec<Problem>> {
        let configuration = was.value().configuration();
        let mut again = Vec::new();
        let mut problems = Vec::new();
        for old in &reached.stopped {
            let state = self.begin(&old.member());
            *lock(&state.handed_over) = reached.states.get(&old.uid()).cloned();
            let limit = configuration.start_deadline(old.module());
            match make_within(limit, self.base, configuration, old.spec.clone(), state.clone()).await {
                Ok(instance) => again.push(Arc::new(instance)),
                Err(found) => {
                    state.transition(ModuleState::Failed, found.first().map_or("", |problem| &problem.what));
                    bury(self.base, &[state]).await;
                    problems.extend(found);
                }
            }
        }
        let is_stopped = |instance: &Instance| reached.stopped.iter().any(|stopped| stopped.uid() == instance.uid());
        let stays = was.value().instances().filter(|instance| !is_stopped(instance));
        let instances = stays.chain(&again).cloned().collect();
        let number = self.base.deployer.next_composition();
        let back = Versioned::new(Composition::new(number, instances, self.base.arounds(), configuration.clone()));
        again.iter().for_each(|instance| instance.state_cell().set_home(Some(back.clone())));
        if problems.is_empty() {
            problems = self.start_again(&back, &again).await.err().unwrap_or_default();
        }
        if problems.is_empty() {
            match self.prepare(back.value()).await {
                Ok(prepared) => {
                    back.value().set_prepared(prepared.into_values());
                    return Ok((back, again));
                }
                Err(error) => problems = error.problems,
            }
        }
        abandon(self.base, &back, &again, "it did not come up again").await;
        self.base.discard(back);
        Err(problems)
    }

    async fn start_again(
        &self,
        back: &Arc<Versioned<Composition>>,
        again: &[Arc<Instance>],
    ) -> Result<(), Vec<Problem>> {
        let configuration = back.value().configuration();
        let deadlines: Vec<_> = again.iter().map(|instance| configuration.start_deadline(instance.module())).collect();
        let Started { failed } = start_all(back, again, &deadlines).await;
        for instance in again {
            let state = lock(&instance.state_cell().handed_over).take();
            drop(state);
        }
        if failed.is_empty() { Ok(()) } else { Err(failed.into_values().collect()) }
    }
}

fn begin_to_serve(instance: &Instance) {
    if let Some(exports) = instance.exports() {
        exports.start_background();
    }
    instance.state_cell().begins_to_serve();
}

/// Neither the new nor the old code came up: the module is down until the restart policy has it up again.
fn stay_down(reached: &Reached, problems: &[Problem]) -> String {
    let cause = problems.first().map_or("", |problem| &problem.what);
    let cause = format!("it has stopped, and did not come up again: {cause}");
    for old in &reached.stopped {
        let state = old.state_cell();
        *lock(&state.handed_over) = reached.states.get(&old.uid()).cloned();
        state.door.goes_down();
        state.transition(ModuleState::Failed, &cause);
    }
    cause
}
