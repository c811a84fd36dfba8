//! A service call through the gate.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::compose::Provider;
use crate::deploy::Pinned;
use crate::isolation::{EntryKind, Frame, PanicText, Scoped, catch};
use crate::module::{InstanceState, ModuleState};
use crate::service::{CallError, Contract, Refusable, Service, ServiceRef};

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
    let (target, call) = match admit(reference, method) {
        Ok(admitted) => admitted,
        Err(error) => return R::refused(error),
    };
    let work = match call.run(|| invoke(&*target)) {
        Ok(work) => work,
        Err(error) => return R::refused(error),
    };
    CallFuture { work: Some(work), call: &call }.await.unwrap_or_else(R::refused)
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
        Ok((target, call)) => call.run(|| invoke(&*target)).unwrap_or_else(R::refused),
        Err(error) => R::refused(error),
    }
}

/// One call that was let in: what it needs to run inside the module, and to leave it.
struct Call {
    frame: Arc<Frame>,
    contract: &'static Contract,
    method: usize,
}

fn admit<S: Service + ?Sized>(reference: &ServiceRef<S>, method: usize) -> Result<(Arc<S>, Call), CallError> {
    let (pin, caller) = reference.pin()?;
    let provider = reference.provider(&pin)?;
    let target = provider.object::<S>().ok_or_else(|| CallError::Unpublished {
        contract: S::CONTRACT.name.into(),
        scene: provider.instance.scene().to_string(),
    })?;
    let target = target.clone();
    let call = Call::enter(&pin, caller.as_deref(), provider, S::CONTRACT, method)?;
    Ok((target, call))
}

impl Call {
    fn enter(
        pin: &Arc<Pinned>,
        caller: Option<&Frame>,
        provider: &Provider,
        contract: &'static Contract,
        method: usize,
    ) -> Result<Self, CallError> {
        let instance = provider.instance.state_cell();
        let deadline = caller.and_then(|caller| caller.deadline);
        let depth = caller.map_or(0, |caller| caller.depth) + 1;
        let refused = match instance.state() {
            ModuleState::Active | ModuleState::Draining | ModuleState::Failed => None,
            ModuleState::Resolved | ModuleState::Starting => {
                Some(CallError::NotStarted { target: name(instance, contract, method) })
            }
            ModuleState::Stopped => {
                Some(CallError::Retired { contract: contract.name.into(), instance: instance.id.to_string() })
            }
        };
        let refused = refused
            .or_else(|| {
                (depth > DEEPEST).then(|| CallError::Refused {
                    reason: format!(
                        "{} is {DEEPEST} service calls deep: two modules call each other without end",
                        name(instance, contract, method)
                    ),
                })
            })
            .or_else(|| {
                deadline
                    .is_some_and(|deadline| deadline <= Instant::now())
                    .then(|| CallError::DeadlineExceeded { target: name(instance, contract, method) })
            });
        if let Some(error) = refused {
            instance.stats.failed(&error);
            return Err(error);
        }
        instance.stats.entered(EntryKind::Call);
        let frame = Arc::new(Frame { pin: Some(pin.clone()), instance: instance.clone(), deadline, depth });
        Ok(Self { frame, contract, method })
    }

    /// Runs module code as the module, with its panics caught.
    fn run<T>(&self, f: impl FnOnce() -> T) -> Result<T, CallError> {
        let _scope = Scoped::enter(self.frame.clone());
        catch(f).map_err(|text| self.panicked(&text))
    }

    fn panicked(&self, text: &PanicText) -> CallError {
        let target = self.name();
        self.frame.instance.report_panic(&target, text);
        CallError::Panicked { target }
    }

    fn name(&self) -> String {
        name(&self.frame.instance, self.contract, self.method)
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.frame.instance.stats.left(EntryKind::Call);
    }
}

fn name(instance: &InstanceState, contract: &Contract, method: usize) -> String {
    let method = contract.methods.get(method).map_or("?", |method| method.name);
    format!("{} ({}::{method})", instance.id.module, contract.name)
}

/// The future of the module's method: polled and dropped as the module, with its panics caught.
struct CallFuture<'t, R> {
    work: Option<BoxFuture<'t, R>>,
    call: &'t Call,
}

impl<R> CallFuture<'_, R> {
    fn drop_work(&mut self) {
        if let Some(work) = self.work.take() {
            // The panic is reported; the caller is gone, or has its answer.
            let _ = self.call.run(|| drop(work));
        }
    }
}

impl<R> Future for CallFuture<'_, R> {
    type Output = Result<R, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(work) = this.work.as_mut() else {
            return Poll::Ready(Err(CallError::Cancelled { target: this.call.name() }));
        };
        match this.call.run(|| work.as_mut().poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => {
                this.drop_work();
                Poll::Ready(Ok(value))
            }
            Err(error) => {
                this.drop_work();
                Poll::Ready(Err(error))
            }
        }
    }
}

impl<R> Drop for CallFuture<'_, R> {
    fn drop(&mut self) {
        self.drop_work();
    }
}
