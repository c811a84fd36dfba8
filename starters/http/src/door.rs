//! A request at a gate that is held: it waits, and enters, or is routed anew where something else serves.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::extract::Request;
use axum::routing::future::RouteFuture;
use bedplate::{Admission, CallError, Pinned};
use futures_util::future::BoxFuture;
use tower_service::Service;

use crate::gate::{Gate, GateFuture};
use crate::handoff;
use crate::mount::Mount;
use crate::starter::Http;

/// A request that waits: nothing of it has been read.
pub(crate) struct AtTheDoor {
    gate: Gate,
    pin: Pinned,
    since: Instant,
    admission: BoxFuture<'static, Admission>,
    // Taken with the answer.
    request: Option<Request>,
}

/// Where a request goes that has waited.
pub(crate) enum Passed {
    /// Into the module.
    In(GateFuture),
    /// To the router of another composition.
    Elsewhere(Pin<Box<RouteFuture<Infallible>>>),
    /// Nowhere.
    Refused(Arc<Mount>, CallError),
}

impl AtTheDoor {
    pub(crate) fn new(gate: Gate, pin: Pinned, request: Request) -> Self {
        let mount = gate.mount();
        let admission = Box::pin(mount.instance.admitted(&pin, &gate.entry(&request, mount.timeout)));
        Self { gate, pin, since: Instant::now(), admission, request: Some(request) }
    }

    /// Whether it has waited long enough.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Passed> {
        let admission = ready!(self.admission.as_mut().poll(cx));
        let request = self.request.take().expect("a request is not polled after its answer");
        let mount = self.gate.mount().clone();
        Poll::Ready(match admission {
            Admission::Enter => {
                // The time at the door is a part of the request's.
                let timeout = mount.timeout.map(|timeout| timeout.saturating_sub(self.since.elapsed()));
                Passed::In(self.gate.enter(&self.pin, request, timeout))
            }
            Admission::Superseded(pin) => route(request, pin, mount),
            Admission::Refused(error) => Passed::Refused(mount, error),
            other => {
                let reason = format!("the gate answered {other:?}, which this starter does not know");
                Passed::Refused(mount, CallError::Refused { reason })
            }
        })
    }
}

/// Routes a request anew, in what serves now.
fn route(mut request: Request, pin: Pinned, mount: Arc<Mount>) -> Passed {
    let superseded = || CallError::Superseded { target: mount.instance.module().to_string() };
    let Some(mut router) = pin.prepared::<Http>().map(|table| table.router.clone()) else {
        return Passed::Refused(mount.clone(), superseded());
    };
    if !handoff::route_anew(&mut request, pin) {
        return Passed::Refused(mount.clone(), superseded());
    }
    Passed::Elsewhere(Box::pin(router.call(request)))
}
