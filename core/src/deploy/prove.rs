//! After the swap: the new code proves that it is what runs.

use std::sync::Arc;

use tokio::time::timeout;

use crate::compose::{Composition, Problem};
use crate::deploy::engine::Deployment;
use crate::deploy::start::place;
use crate::deploy::{Pinned, Versioned};
use crate::isolation::{Entry, EntryFuture, EntryKind};
use crate::module::Instance;

impl Deployment<'_> {
    /// Asks each new instance whose module can for its proof, through the gate.
    ///
    /// # Errors
    ///
    /// Those that did not prove themselves.
    pub(super) async fn prove(
        &mut self,
        next: &Arc<Versioned<Composition>>,
        new: &[Arc<Instance>],
    ) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        let mut asked = false;
        for instance in new {
            let Some(prover) = instance.spec.prover.clone() else { continue };
            asked = true;
            let entry = Entry::new(EntryKind::Ready, "prove");
            let (pin, state) = (Pinned::new(Versioned::pin(next)), instance.state_cell());
            let gated = EntryFuture::new(Some(pin), state, &entry, None, Box::pin(async move { prover() }));
            let mut task = state.runtime.spawn(gated);
            let why = match timeout(self.start_deadline(&instance.member()), &mut task).await {
                Ok(Ok(Ok(Ok(())))) => continue,
                Ok(Ok(Ok(Err(why)))) => why,
                Ok(Ok(Err(error))) => error.to_string(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => {
                    task.abort();
                    "it did not answer in time".to_owned()
                }
            };
            problems.push(Problem {
                code: "not-proven",
                what: format!("{} was swapped in and did not prove itself: {why}", instance.id()),
                places: vec![place(instance)],
                help: "what served before serves again; see what it names, and build the module anew".to_owned(),
            });
        }
        if asked {
            self.done("prove");
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}
