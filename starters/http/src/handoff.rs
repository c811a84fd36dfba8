//! What one request carries past the router: its pin and id on the way in, who served it on the way out.
//!
//! The service around the router and the gate of a module inside it meet in one call stack: the router
//! is polled by the one and polls the other. So they hand things over in a slot of the thread, which is
//! set for each poll and for no longer. Extensions of request and response could carry the same, for
//! several allocations per request; and a module that keeps its request's extensions would keep the pin.

use std::cell::RefCell;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::{Extensions, HeaderValue, Uri};
use bedplate::Pinned;
use bedplate::isolation::StreamGuard;

use crate::mount::Mount;

thread_local! {
    static SLOT: RefCell<Option<Handoff>> = const { RefCell::new(None) };
}

/// What is handed over.
#[derive(Default)]
pub(crate) struct Handoff {
    /// The composition that the request has pinned, until a module's gate takes it.
    pub(crate) pin: Option<Pinned>,
    /// The request's id.
    pub(crate) id: Option<HeaderValue>,
    /// What the request was before it was routed, where it may have to be routed anew.
    pub(crate) origin: Option<Box<Origin>>,
    /// Who served the request, once it has.
    pub(crate) served: Option<Served>,
}

/// A request as it came: what routers change of it.
pub(crate) struct Origin {
    uri: Uri,
    extensions: Extensions,
    /// How many more times it may be routed.
    left: u8,
}

/// How many times a request is routed that meets modules on their way out: each is a deployment that failed.
const ROUTES: u8 = 8;

impl Origin {
    pub(crate) fn of(request: &Request) -> Box<Self> {
        Box::new(Self { uri: request.uri().clone(), extensions: request.extensions().clone(), left: ROUTES })
    }
}

/// Who served a request.
pub(crate) struct Served {
    pub(crate) mount: Arc<Mount>,
    /// Holds the instance until the response's body has ended, where that comes in pieces.
    pub(crate) stream: Option<StreamGuard>,
}

/// Runs `f`, which must not panic, with `handoff` in the slot.
pub(crate) fn scope<T>(handoff: &mut Handoff, f: impl FnOnce() -> T) -> T {
    let before = SLOT.replace(Some(std::mem::take(handoff)));
    let value = f();
    if let Some(after) = SLOT.replace(before) {
        *handoff = after;
    }
    value
}

/// The composition that the request at work has pinned.
pub(crate) fn with_pin<T>(f: impl FnOnce(&Pinned) -> T) -> Option<T> {
    SLOT.with_borrow(|slot| slot.as_ref()?.pin.as_ref().map(f))
}

/// Takes the pin over: the module's entry holds it from here on.
pub(crate) fn take_pin() -> Option<Pinned> {
    SLOT.with_borrow_mut(|slot| slot.as_mut()?.pin.take())
}

/// Makes the request at work what it was before it was routed, for a route in another composition; no more
/// than some times.
pub(crate) fn route_anew(request: &mut Request, pin: Pinned) -> bool {
    SLOT.with_borrow_mut(|slot| {
        let Some(slot) = slot.as_mut() else { return false };
        let Some(origin) = slot.origin.as_mut().filter(|origin| origin.left > 0) else { return false };
        origin.left -= 1;
        request.uri_mut().clone_from(&origin.uri);
        request.extensions_mut().clone_from(&origin.extensions);
        slot.pin = Some(pin);
        true
    })
}

/// The id of the request at work.
pub(crate) fn request_id() -> Option<HeaderValue> {
    SLOT.with_borrow(|slot| slot.as_ref()?.id.clone())
}

/// Says who served the request at work.
pub(crate) fn leave(served: Served) {
    SLOT.with_borrow_mut(|slot| {
        if let Some(slot) = slot {
            slot.served = Some(served);
        }
    });
}
