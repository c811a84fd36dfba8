//! Deployments in which an instance takes over from another one, and cannot start beside it: the old one hands
//! over its state, or must have stopped.
//!
//! The next composition is swapped in first, with the doors of its new instances held. So whatever enters from
//! then on waits where it will be served, and whatever entered before ends where it is: the old instance comes
//! to rest, and nothing is turned away. Then the old one hands over, or stops; the new one starts; the doors
//! open. Until they do, the deployment can be taken back: what served before is swapped in again, and what
//! waits is led there.

mod back;
mod flow;
mod old;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::time::timeout;

use crate::compose::{Composition, CompositionError, Problem, required_among};
use crate::deploy::Versioned;
use crate::deploy::bake::end;
use crate::deploy::engine::Deployment;
use crate::deploy::start::{export, place};
use crate::module::Instance;

/// How a new instance takes over from an old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// The old one hands over its state, and could serve on.
    WithItsState,
    /// The old one has to stop before.
    Alone,
}

/// Two instances, of which one takes over from the other.
pub(super) struct Pair {
    pub(super) old: Arc<Instance>,
    pub(super) new: Arc<Instance>,
    pub(super) how: How,
}

/// What of a deployment does not start beside what serves.
#[derive(Default)]
pub(super) struct TakeOver {
    pub(super) pairs: Vec<Pair>,
    /// The new instances that start late: those that take over, and those that require them.
    pub(super) late: Vec<Arc<Instance>>,
}

impl TakeOver {
    fn olds(&self, how: How) -> Vec<Arc<Instance>> {
        self.pairs.iter().filter(|pair| pair.how == how).map(|pair| pair.old.clone()).collect()
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.pairs.is_empty()
    }

    pub(super) fn is_late(&self, instance: &Instance) -> bool {
        self.late.iter().any(|late| late.uid() == instance.uid())
    }
}

impl Deployment<'_> {
    /// How what replaces this instance takes over from it; `None` where the two can be there at once.
    fn how(&self, old: &Instance) -> Option<How> {
        let new = self.next.fresh.get(&old.member())?;
        if old.spec.exclusive || new.exclusive {
            Some(How::Alone)
        } else {
            self.keeps_state(old).then_some(How::WithItsState)
        }
    }

    /// Whether what replaces this instance is to get its state.
    fn keeps_state(&self, old: &Instance) -> bool {
        old.spec.hands_over && !self.change.without_state.contains(old.module())
    }

    /// Whether an instance cannot come back as it was, once it has been replaced: it stays warm for nobody.
    pub(super) fn gives_way(&self, old: &Instance) -> bool {
        old.spec.exclusive || self.how(old).is_some()
    }

    /// What of these new instances does not start beside what serves.
    pub(super) fn take_over(&self, new: &[Arc<Instance>]) -> TakeOver {
        let current = self.base.cell.current();
        let pair = |new: &Arc<Instance>| {
            let old = current.value().instance(new.module(), new.scene())?.clone();
            let how = self.how(&old)?;
            Some(Pair { old, new: new.clone(), how })
        };
        let pairs: Vec<_> = new.iter().filter_map(pair).collect();
        if pairs.is_empty() {
            return TakeOver::default();
        }
        let members: Vec<_> = new.iter().map(|instance| (instance.scene(), &*instance.spec)).collect();
        let needs = required_among(&members);
        let takes_over = |instance: &Arc<Instance>| pairs.iter().any(|pair| pair.new.uid() == instance.uid());
        let mut late: BTreeSet<usize> = (0..new.len()).filter(|index| takes_over(&new[*index])).collect();
        loop {
            let requires_late = |index: &usize| !late.contains(index) && !needs[*index].is_disjoint(&late);
            let Some(index) = (0..new.len()).find(requires_late) else { break };
            late.insert(index);
        }
        TakeOver { pairs, late: late.into_iter().map(|index| new[index].clone()).collect() }
    }

    /// Has the instances that start late say what they export: the starters prepare it before.
    pub(super) async fn export_late(
        &self,
        next: &Arc<Versioned<Composition>>,
        take_over: &TakeOver,
    ) -> BTreeMap<usize, Problem> {
        let mut failed = BTreeMap::new();
        for (index, instance) in take_over.late.iter().enumerate() {
            if let Err(mut problem) = export(next, instance, self.start_deadline(&instance.member())).await {
                problem.what = format!(
                    "{}; it is asked before its `start`, since it takes over from another instance, or requires a \
                     module that does",
                    problem.what
                );
                failed.insert(index, problem);
            }
        }
        failed
    }

    /// Waits until former instances of exclusive modules are over that were taken out before, and drain still.
    ///
    /// # Errors
    ///
    /// Those that do not end.
    pub(super) async fn wait_for_former(&self, new: &[Arc<Instance>]) -> Result<(), CompositionError> {
        let current = self.base.cell.current();
        let has_no_predecessor = |new: &&Arc<Instance>| current.value().instance(new.module(), new.scene()).is_none();
        let exclusive: Vec<_> =
            new.iter().filter(|instance| instance.spec.exclusive).filter(has_no_predecessor).collect();
        if exclusive.is_empty() {
            return Ok(());
        }
        let members: Vec<_> = exclusive.iter().map(|instance| instance.member()).collect();
        drop(current);
        end(self.base, self.base.bakes.take(|member| members.contains(member)), "its successor is to start").await;
        let limit = self.base.drain().deadline + self.base.lifecycle().stop_deadline * 2;
        let mut problems = Vec::new();
        for former in self.base.leaving() {
            let Some(new) = exclusive.iter().find(|new| new.member() == former.member()) else { continue };
            if timeout(limit, former.state_cell().over()).await.is_err() {
                problems.push(Problem {
                    code: "exclusive-not-free",
                    what: format!(
                        "{} cannot start: {former}, which it must not meet, has not ended",
                        new.id(),
                        former = former.id()
                    ),
                    places: vec![place(new)],
                    help: "see `inflight` for what holds it, and deploy again when it has ended".to_owned(),
                });
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(CompositionError::new("start", problems)) }
    }
}
