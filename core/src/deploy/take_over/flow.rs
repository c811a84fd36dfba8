//! The way of a take-over, from the swap to the open doors.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::compose::{Composition, CompositionError, Doors, Problem};
use crate::deploy::aside::LeftOut;
use crate::deploy::engine::Deployment;
use crate::deploy::start::{START_SKIPPED, Started, start_all};
use crate::deploy::take_over::TakeOver;
use crate::deploy::take_over::old::States;
use crate::deploy::{Deployed, Versioned};
use crate::isolation::Hold;
use crate::module::{Instance, ModuleState};
use crate::sync::lock;

/// What a step gets where `deploy.hold` leaves nothing for it.
const SHORTEST: Duration = Duration::from_millis(200);

/// How far a take-over has come: what is needed to take it back.
#[derive(Default)]
pub(super) struct Reached {
    /// The states that were handed over.
    pub(super) states: States,
    /// Old instances that have stopped.
    pub(super) stopped: Vec<Arc<Instance>>,
}

/// The two sides of a take-over.
pub(super) struct Sides {
    /// What is to serve.
    pub(super) next: Arc<Versioned<Composition>>,
    /// What served until the swap.
    pub(super) was: Arc<Versioned<Composition>>,
    /// The instances that come.
    pub(super) new: Vec<Arc<Instance>>,
    /// The instances that go.
    pub(super) replaced: Vec<Arc<Instance>>,
    /// How some of them take over from others.
    pub(super) take_over: TakeOver,
}

impl Deployment<'_> {
    /// Swaps the next composition in with its doors held, lets the new instances take over, and opens the doors.
    ///
    /// # Errors
    ///
    /// What kept them from it. What served before serves again, and what waited enters there.
    pub(in crate::deploy) async fn carry_over(
        &mut self,
        next: &Arc<Versioned<Composition>>,
        new: Vec<Arc<Instance>>,
        left_out: Vec<LeftOut>,
        take_over: TakeOver,
    ) -> Result<Deployed, CompositionError> {
        let longest = self.next.configuration.core.deploy.hold;
        let hold = Hold { together: new.iter().map(|instance| instance.uid()).collect(), longest };
        new.iter().for_each(|instance| instance.state_cell().door.hold(hold.clone()));
        next.value().set_held(Doors::Held);
        let (was, replaced) = self.swap(next, &new);
        let until = Instant::now() + longest;
        for instance in &replaced {
            let state = instance.state_cell();
            let cause = format!("it rests while composition {} takes over", next.value().number());
            state.transition_where(|state| state == ModuleState::Active, ModuleState::Warm, &cause);
            state.goes_warm();
        }
        self.done("hold");
        let mut reached = Reached::default();
        let sides = Sides { next: next.clone(), was, new, replaced, take_over };
        match self.change_hands(&sides, &left_out, until, &mut reached).await {
            Ok(()) => {
                let Sides { was, new, replaced, .. } = sides;
                new.iter().for_each(|instance| instance.state_cell().door.open());
                next.value().set_held(Doors::Open);
                self.done("open");
                Ok(self.went_live(next, &was, &new, replaced, left_out).await)
            }
            Err(error) => {
                self.go_back(sides, reached, &error).await;
                self.done("back");
                Err(error)
            }
        }
    }

    async fn change_hands(
        &mut self,
        Sides { next, was, new, take_over, .. }: &Sides,
        left_out: &[LeftOut],
        until: Instant,
        reached: &mut Reached,
    ) -> Result<(), CompositionError> {
        // Each step gets a part of what is left: what waits is to be answered, also where the last one fails.
        self.come_to_rest(take_over, left(until) / 2).await;
        self.done("drain");
        let refused = |step| move |problems| CompositionError::new(step, problems);
        reached.states = self.hand_over(was, take_over, left(until) / 2).await.map_err(refused("hand-over"))?;
        self.done("hand-over");
        reached.stopped = self.stop_old(was, take_over, until).await;
        if !reached.stopped.is_empty() {
            self.done("stop");
        }
        self.start_late(next, take_over, reached, until).await.map_err(refused("take-over"))?;
        self.done("take-over");
        self.prove(next, new).await.map_err(refused("prove"))?;
        self.commit(was.value(), next.value(), new, left_out).await
    }

    /// Starts the new instances that take over, with the state that was handed over, and those that require them.
    async fn start_late(
        &self,
        next: &Arc<Versioned<Composition>>,
        take_over: &TakeOver,
        reached: &Reached,
        until: Instant,
    ) -> Result<(), Vec<Problem>> {
        for pair in &take_over.pairs {
            *lock(&pair.new.state_cell().handed_over) = reached.states.get(&pair.old.uid()).cloned();
        }
        // Where the old instance still can, it serves again in time for what waits. Where it has stopped, the
        // new one has all the time that a start has.
        let limit = reached.stopped.is_empty().then(|| left(until) * 3 / 4);
        let deadlines: Vec<_> = take_over
            .late
            .iter()
            .map(|instance| self.start_deadline(&instance.member()))
            .map(|deadline| limit.map_or(deadline, |limit| limit.min(deadline)))
            .collect();
        let Started { failed } = start_all(next, &take_over.late, &deadlines).await;
        for instance in &take_over.late {
            let state = lock(&instance.state_cell().handed_over).take();
            drop(state);
        }
        if failed.is_empty() { Ok(()) } else { Err(in_order(failed, limit)) }
    }
}

/// What is left of the time that what waits has; never nothing, so that a step that need not wait can be done.
pub(super) fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now()).max(SHORTEST)
}

/// Causes first: what was only skipped refers to them.
fn in_order(failed: BTreeMap<usize, Problem>, limit: Option<Duration>) -> Vec<Problem> {
    let mut problems: Vec<_> = failed.into_values().collect();
    problems.sort_by_key(|problem| problem.code == START_SKIPPED);
    if limit.is_some() {
        for late in problems.iter_mut().filter(|problem| problem.code == "start-deadline") {
            "what comes waits at its gate meanwhile, so it has a part of `deploy.hold`: raise that, or do less in the \
             start"
                .clone_into(&mut late.help);
        }
    }
    problems
}
