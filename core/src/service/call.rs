//! A service call through the gate.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::isolation::{EntryKind, Frame, PanicText, Passage, Scoped, Tracked, catch};
use crate::module::InstanceState;
use crate::service::held::{self, Door, Held};
use crate::service::{CallError, Caller, Contract, Refusable, Root, Service, ServiceRef};

/// How many service calls deep a request may go.
const DEEPEST: u32 = 64;

/// Calls an async method. Generated code calls it; `method` is its index in the contract.
#[doc(hidden)]
pub async fn call<'r, S, R, F>(reference: &'r ServiceRef<S>, method: usize, invoke: F) -> R
where
    S: Service + ?Sized,
    R: Refusable,
    F: for<'t> FnOnce(&'t S) -> BoxFuture<'t, R> + Send + 'r,
{
    match admit(reference, method) {
        Ok((target, call)) => {
            let running = CallFuture { invoke: Some(invoke), work: None, target: &*target, call };
            running.await.unwrap_or_else(R::refused)
        }
        // In a box, so that it adds next to nothing to the future of a call that is let in at once.
        Err(turned) => turned.later(reference, method, invoke).await,
    }
}

/// Calls a plain method, on the caller's thread.
#[doc(hidden)]
pub fn call_plain<S, R, F>(reference: &ServiceRef<S>, method: usize, invoke: F) -> R
where
    S: Service + ?Sized,
    R: Refusable,
    F: FnOnce(&S) -> R,
{
    // One that is held is not waited for: it would block the thread.
    match admit(reference, method).or_else(|turned| turned.at_once(reference, method)) {
        Ok((target, mut call)) => call.run(|| invoke(&*target)).unwrap_or_else(R::refused),
        Err(error) => R::refused(error),
    }
}

/// Why a call was not let in.
pub(super) enum Turned {
    /// It is refused.
    Refused(CallError),
    /// It may be, later or elsewhere: the module is being replaced.
    Held(Box<Held>),
}

impl Turned {
    /// Waits, and calls the method once it is let in.
    #[cold]
    fn later<'r, S, R, F>(self, reference: &'r ServiceRef<S>, method: usize, invoke: F) -> BoxFuture<'r, R>
    where
        S: Service + ?Sized,
        R: Refusable,
        F: for<'t> FnOnce(&'t S) -> BoxFuture<'t, R> + Send + 'r,
    {
        Box::pin(async move {
            let admitted = match self {
                Self::Held(held) => held::wait(reference, method, *held).await,
                Self::Refused(error) => Err(error),
            };
            match admitted {
                Ok((target, call)) => {
                    let running = CallFuture { invoke: Some(invoke), work: None, target: &*target, call };
                    running.await.unwrap_or_else(R::refused)
                }
                Err(error) => R::refused(error),
            }
        })
    }

    /// Lets a call in that cannot wait, where it is led elsewhere.
    #[cold]
    fn at_once<S: Service + ?Sized>(
        self,
        reference: &ServiceRef<S>,
        method: usize,
    ) -> Result<(Arc<S>, Call), CallError> {
        match self {
            Self::Held(held) => held::at_once(reference, method, *held),
            Self::Refused(error) => Err(error),
        }
    }
}

impl From<CallError> for Turned {
    fn from(error: CallError) -> Self {
        Self::Refused(error)
    }
}

/// Resolves the reference where the call is made from, and lets the call in.
fn admit<S: Service + ?Sized>(reference: &ServiceRef<S>, method: usize) -> Result<(Arc<S>, Call), Turned> {
    let caller = reference.caller()?;
    admit_from(reference, method, caller)
}

/// Resolves the reference for a caller, and lets the call in.
pub(super) fn admit_from<S: Service + ?Sized>(
    reference: &ServiceRef<S>,
    method: usize,
    caller: Caller,
) -> Result<(Arc<S>, Call), Turned> {
    let provider = reference.provider(&caller.pin)?;
    let target = provider.object::<S>().cloned().ok_or_else(|| CallError::Unpublished {
        contract: S::CONTRACT.name.into(),
        scene: provider.instance.scene().to_string(),
    })?;
    let instance = provider.instance.state_cell().clone();
    let call = Call::enter(caller, reference.owner_uid(), instance, S::CONTRACT, method)?;
    Ok((target, call))
}

/// One call that was let in: what it needs to run inside the module, and to leave it.
pub(super) struct Call {
    /// Set but while the module's code runs: then it is the thread's.
    frame: Option<Frame>,
    contract: &'static Contract,
    method: usize,
    /// In the in-flight list, where no entry is there for it.
    tracked: Option<Tracked>,
}

impl Call {
    fn enter(
        caller: Caller,
        owner: u64,
        instance: Arc<InstanceState>,
        contract: &'static Contract,
        method: usize,
    ) -> Result<Self, Turned> {
        let depth = caller.depth + 1;
        let late = caller.deadline.is_some_and(|deadline| deadline <= Instant::now());
        if late || depth > DEEPEST || !instance.door.is_open() {
            turn_away(&caller, owner, &instance, contract, method)?;
        }
        let Caller { pin, root, deadline, .. } = caller;
        instance.stats.entered(EntryKind::Call);
        let tracked =
            (root == Root::Itself).then(|| Tracked::call(&instance, method_name(contract, method), pin.number()));
        Ok(Self { frame: Some(Frame { pin: Some(pin), instance, deadline, depth }), contract, method, tracked })
    }

    /// Whether the drain's deadline has passed on a call that no entry holds.
    fn poll_cancelled(&self, cx: &Context<'_>) -> bool {
        self.tracked.as_ref().is_some_and(|tracked| tracked.poll_cancelled(cx.waker()))
    }

    /// Runs module code as the module, with its panics caught.
    fn run<T>(&mut self, f: impl FnOnce() -> T) -> Result<T, CallError> {
        let result = {
            let _scope = Scoped::enter(&mut self.frame);
            catch(f)
        };
        result.map_err(|text| self.panicked(&text))
    }

    #[cold]
    fn panicked(&self, text: &PanicText) -> CallError {
        let target = self.target();
        if let Some(frame) = &self.frame {
            frame.instance.report_panic(&target, text);
        }
        CallError::Panicked { target }
    }

    #[cold]
    fn cancelled(&self) -> CallError {
        let error = CallError::Cancelled { target: self.target() };
        if let Some(frame) = &self.frame {
            frame.instance.stats.failed(&error);
        }
        error
    }

    fn target(&self) -> String {
        self.frame.as_ref().map_or_else(String::new, |frame| name(&frame.instance, self.contract, self.method))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(frame) = &self.frame {
            frame.instance.stats.left(EntryKind::Call);
        }
    }
}

/// Why an instance does not take a call now; nothing, where the call comes from inside what the door
/// is held for.
#[cold]
fn turn_away(
    caller: &Caller,
    owner: u64,
    instance: &Arc<InstanceState>,
    contract: &'static Contract,
    method: usize,
) -> Result<(), Turned> {
    let target = || name(instance, contract, method);
    let error = match instance.door.passage(Some(owner)) {
        Passage::Held(longest) => {
            return Err(held_at(caller, instance, Door::Held(longest)));
        }
        Passage::Elsewhere(elsewhere) => {
            return Err(held_at(caller, instance, Door::Elsewhere(elsewhere)));
        }
        Passage::Down => CallError::NotStarted { target: target() },
        Passage::Stopped => CallError::Retired { contract: contract.name.into(), instance: instance.id.to_string() },
        Passage::Open if caller.depth >= DEEPEST => CallError::TooDeep { target: target(), limit: DEEPEST },
        Passage::Open if caller.deadline.is_some_and(|deadline| deadline <= Instant::now()) => {
            CallError::DeadlineExceeded { target: target() }
        }
        Passage::Open => return Ok(()),
    };
    instance.stats.failed(&error);
    Err(error.into())
}

fn held_at(caller: &Caller, instance: &Arc<InstanceState>, door: Door) -> Turned {
    Turned::Held(Box::new(Held { caller: caller.clone(), instance: instance.clone(), door }))
}

pub(super) fn name(instance: &InstanceState, contract: &'static Contract, method: usize) -> String {
    format!("{} ({}::{})", instance.id.module, contract.name, method_name(contract, method))
}

pub(super) fn method_name(contract: &'static Contract, method: usize) -> &'static str {
    contract.methods.get(method).map_or("?", |method| method.name)
}

/// The module's method at work: called, polled and dropped as the module, with its panics caught.
struct CallFuture<'t, S: ?Sized, R, F> {
    invoke: Option<F>,
    work: Option<BoxFuture<'t, R>>,
    target: &'t S,
    call: Call,
}

// The closure is moved out before it is called, and never pinned.
impl<S: ?Sized, R, F> Unpin for CallFuture<'_, S, R, F> {}

impl<'t, S, R, F> Future for CallFuture<'t, S, R, F>
where
    S: ?Sized,
    F: FnOnce(&'t S) -> BoxFuture<'t, R>,
{
    type Output = Result<R, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { invoke, work, target, call } = &mut *self;
        if call.poll_cancelled(cx) {
            drop_work(work, call);
            return Poll::Ready(Err(call.cancelled()));
        }
        // One scope for the call, its poll and its end: most calls end with their first poll.
        let polled = call.run(|| {
            if let Some(invoke) = invoke.take() {
                *work = Some(invoke(target));
            }
            let polled = work.as_mut().map(|work| work.as_mut().poll(cx));
            if !matches!(polled, Some(Poll::Pending)) {
                drop(work.take());
            }
            polled
        });
        match polled {
            Ok(Some(Poll::Pending)) => Poll::Pending,
            Ok(Some(Poll::Ready(value))) => Poll::Ready(Ok(value)),
            Ok(None) => Poll::Ready(Err(call.cancelled())),
            Err(error) => {
                drop_work(work, call);
                Poll::Ready(Err(error))
            }
        }
    }
}

/// Drops what is left of the work as the module. A panic is reported; the caller has its answer.
fn drop_work<R>(work: &mut Option<BoxFuture<'_, R>>, call: &mut Call) {
    if let Some(work) = work.take() {
        let _ = call.run(|| drop(work));
    }
}

impl<S: ?Sized, R, F> Drop for CallFuture<'_, S, R, F> {
    fn drop(&mut self) {
        drop_work(&mut self.work, &mut self.call);
    }
}
