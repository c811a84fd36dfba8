//! A service call through the gate.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::isolation::{EntryKind, Frame, PanicText, Scoped, Tracked, catch};
use crate::module::{InstanceState, ModuleState};
use crate::service::{CallError, Caller, Contract, Refusable, Root, Service, ServiceRef};

/// How many service calls deep a request may go.
const DEEPEST: u32 = 64;

/// Calls an async method. Generated code calls it; `method` is its index in the contract.
#[doc(hidden)]
pub async fn call<S, R, F>(reference: &ServiceRef<S>, method: usize, invoke: F) -> R
where
    S: Service + ?Sized,
    R: Refusable,
    F: for<'t> FnOnce(&'t S) -> BoxFuture<'t, R> + Send,
{
    match admit(reference, method) {
        Ok((target, call)) => {
            let running = CallFuture { invoke: Some(invoke), work: None, target: &*target, call };
            running.await.unwrap_or_else(R::refused)
        }
        Err(error) => R::refused(error),
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
    match admit(reference, method) {
        Ok((target, mut call)) => call.run(|| invoke(&*target)).unwrap_or_else(R::refused),
        Err(error) => R::refused(error),
    }
}

/// Resolves the reference where the call is made from, and lets the call in.
fn admit<S: Service + ?Sized>(reference: &ServiceRef<S>, method: usize) -> Result<(Arc<S>, Call), CallError> {
    let caller = reference.caller()?;
    let provider = reference.provider(&caller.pin)?;
    let target = provider.object::<S>().cloned().ok_or_else(|| CallError::Unpublished {
        contract: S::CONTRACT.name.into(),
        scene: provider.instance.scene().to_string(),
    })?;
    let instance = provider.instance.state_cell().clone();
    let call = Call::enter(caller, instance, S::CONTRACT, method)?;
    Ok((target, call))
}

/// One call that was let in: what it needs to run inside the module, and to leave it.
struct Call {
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
        instance: Arc<InstanceState>,
        contract: &'static Contract,
        method: usize,
    ) -> Result<Self, CallError> {
        let Caller { pin, root, deadline, depth } = caller;
        let depth = depth + 1;
        if let Some(error) = refusal(&instance, contract, method, depth, deadline) {
            instance.stats.failed(&error);
            return Err(error);
        }
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

/// Why an instance does not take a call now.
fn refusal(
    instance: &InstanceState,
    contract: &'static Contract,
    method: usize,
    depth: u32,
    deadline: Option<Instant>,
) -> Option<CallError> {
    if !instance.has_come_up() {
        return Some(CallError::NotStarted { target: name(instance, contract, method) });
    }
    if instance.state() == ModuleState::Stopped {
        return Some(CallError::Retired { contract: contract.name.into(), instance: instance.id.to_string() });
    }
    if depth > DEEPEST {
        return Some(CallError::TooDeep { target: name(instance, contract, method), limit: DEEPEST });
    }
    let late = deadline.is_some_and(|deadline| deadline <= Instant::now());
    late.then(|| CallError::DeadlineExceeded { target: name(instance, contract, method) })
}

fn name(instance: &InstanceState, contract: &'static Contract, method: usize) -> String {
    format!("{} ({}::{})", instance.id.module, contract.name, method_name(contract, method))
}

fn method_name(contract: &'static Contract, method: usize) -> &'static str {
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
