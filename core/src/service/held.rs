//! A service call that meets a held door: waits there, and goes on where the door leads it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, ready};
use std::time::Duration;

use crate::deploy::Pinned;
use crate::isolation::{EntryKind, Let, Tracked, Waiting};
use crate::module::InstanceState;
use crate::service::call::{Call, Turned, admit_from, method_name, name};
use crate::service::{CallError, Caller, Contract, Service, ServiceRef};

/// How many doors one call may come to: each is a deployment that it has met.
const DOORS: usize = 16;

/// A call that was not let in, and not refused either.
pub(super) struct Held {
    pub(super) caller: Caller,
    pub(super) instance: Arc<InstanceState>,
    pub(super) door: Door,
}

/// What the door said.
pub(super) enum Door {
    /// To wait, but no longer than this.
    Held(Duration),
    /// To go to another composition.
    Elsewhere(Option<Pinned>),
}

/// Waits, and lets the call in where it is to go then.
pub(super) async fn wait<S: Service + ?Sized>(
    reference: &ServiceRef<S>,
    method: usize,
    mut held: Held,
) -> Result<(Arc<S>, Call), CallError> {
    for _ in 0..DOORS {
        let caller = held.caller_after(reference.owner_uid(), S::CONTRACT, method).await?;
        match admit_from(reference, method, caller) {
            Ok(admitted) => return Ok(admitted),
            Err(Turned::Refused(error)) => return Err(error),
            Err(Turned::Held(again)) => held = *again,
        }
    }
    Err(CallError::Superseded { target: name(&held.instance, S::CONTRACT, method) })
}

/// Lets a call in that cannot wait.
pub(super) fn at_once<S: Service + ?Sized>(
    reference: &ServiceRef<S>,
    method: usize,
    mut held: Held,
) -> Result<(Arc<S>, Call), CallError> {
    for _ in 0..DOORS {
        let target = || name(&held.instance, S::CONTRACT, method);
        let caller = match held.door {
            Door::Elsewhere(elsewhere) => {
                led_to(held.caller, reference.owner_uid(), elsewhere, S::CONTRACT, &held.instance)?
            }
            Door::Held(_) => {
                let error = CallError::Held { target: target(), waited: "not at all, as a plain method".to_owned() };
                held.instance.stats.failed(&error);
                return Err(error);
            }
        };
        match admit_from(reference, method, caller) {
            Ok(admitted) => return Ok(admitted),
            Err(Turned::Refused(error)) => return Err(error),
            Err(Turned::Held(again)) => held = *again,
        }
    }
    Err(CallError::Superseded { target: name(&held.instance, S::CONTRACT, method) })
}

impl Held {
    /// The caller as it is to ask again, once the door is held no more.
    async fn caller_after(self, owner: u64, contract: &'static Contract, method: usize) -> Result<Caller, CallError> {
        let Self { caller, instance, door } = self;
        let longest = match door {
            Door::Held(longest) => longest,
            Door::Elsewhere(elsewhere) => return led_to(caller, owner, elsewhere, contract, &instance),
        };
        let label = method_name(contract, method);
        let target = || name(&instance, contract, method);
        let tracked = Tracked::waiting(&instance, EntryKind::Call, label.into(), Some(caller.pin.number()));
        let mut waiting = Waiting::new(&instance, longest, caller.deadline);
        let ended = poll_fn(|cx| {
            if tracked.poll_cancelled(cx.waker()) {
                return Poll::Ready(Let::Refused(CallError::Cancelled { target: target() }));
            }
            Poll::Ready(ready!(waiting.poll(cx, target)))
        });
        match ended.await {
            Let::Ask => Ok(caller),
            Let::Elsewhere(elsewhere) => led_to(caller, owner, elsewhere, contract, &instance),
            Let::Refused(error) => {
                instance.stats.failed(&error);
                Err(error)
            }
        }
    }
}

/// The caller in the composition that it is led to: it must hold the instance that calls, or the two
/// may not mean the same by the contract.
fn led_to(
    caller: Caller,
    owner: u64,
    elsewhere: Option<Pinned>,
    contract: &'static Contract,
    instance: &InstanceState,
) -> Result<Caller, CallError> {
    match elsewhere.filter(|there| there.holds(owner)) {
        Some(there) => Ok(Caller { pin: Arc::new(there), ..caller }),
        None => {
            let error = CallError::Retired { contract: contract.name.into(), instance: instance.id.to_string() };
            instance.stats.failed(&error);
            Err(error)
        }
    }
}
