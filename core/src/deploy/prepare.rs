//! Lets every starter prepare the next composition, and takes it back where it is not used.

use std::any::{Any, TypeId};
use std::sync::Arc;

use crate::base::{RunningStarter, Shared};
use crate::compose::{Composition, CompositionError, Place};
use crate::deploy::engine::Deployment;
use crate::deploy::make::problems_of;
use crate::deploy::not_longer_than;

/// What the starters have prepared for a composition that does not serve yet.
pub(super) struct Preparation {
    starters: Arc<[RunningStarter]>,
    /// One for each starter, as far as they have come.
    values: Vec<Box<dyn Any + Send + Sync>>,
}

impl Preparation {
    /// What was prepared, by the type of the starter.
    pub(super) fn into_values(self) -> Vec<(TypeId, Box<dyn Any + Send + Sync>)> {
        self.starters.iter().map(|starter| (starter.descriptor.type_id)()).zip(self.values).collect()
    }

    /// What a composition held that never served.
    pub(super) fn of(base: &Shared, composition: &mut Composition) -> Self {
        let mut prepared = composition.take_prepared();
        let starters = base.starters();
        let values = starters.iter().map_while(|starter| prepared.remove(&(starter.descriptor.type_id)())).collect();
        Self { starters, values }
    }

    /// Takes all back, the last first. A starter that cannot is told about, and holds nobody up.
    pub(super) async fn abort(self, base: &Shared) {
        let limit = base.lifecycle().stop_deadline;
        for (starter, value) in self.starters.iter().zip(self.values).rev() {
            let aborting = async {
                starter.calls.abort(value).await;
                Ok(())
            };
            if let Err(error) = not_longer_than(limit, aborting).await {
                let name = starter.descriptor.name;
                tracing::error!(target: "bedplate::deploy", starter = name, "the starter `{name}` did not take back what it prepared: {error:#}");
            }
        }
    }
}

impl Deployment<'_> {
    /// Lets every starter prepare the next composition; aborts all where one refuses.
    pub(super) async fn prepare(&self, next: &Composition) -> Result<Preparation, CompositionError> {
        let mut prepared = Preparation { starters: self.base.starters(), values: Vec::new() };
        let limit = self.next.configuration.core.lifecycle.start_deadline;
        for starter in self.base.starters().iter() {
            let error = match not_longer_than(limit, starter.calls.prepare(next)).await {
                Ok(value) => {
                    prepared.values.push(value);
                    continue;
                }
                Err(error) => error,
            };
            prepared.abort(self.base).await;
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
        Ok(prepared)
    }
}
