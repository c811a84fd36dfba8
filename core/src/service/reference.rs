//! References to services: late-bound, owned by the instance that took them.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Weak};

use tokio::time::Instant;

use crate::deploy::Pinned;
use crate::descriptors::ModuleName;
use crate::isolation::Frame;
use crate::module::InstanceState;
use crate::service::{CallError, Service};

/// What a call takes over from where it is made.
#[derive(Clone)]
pub(crate) struct Caller {
    /// The composition that the call resolves in.
    pub(crate) pin: Arc<Pinned>,
    pub(crate) root: Root,
    pub(crate) deadline: Option<Instant>,
    /// How many service calls deep the caller is.
    pub(crate) depth: u32,
}

/// What holds the composition that a call resolves in.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Root {
    /// An entry that the call is made from.
    Below,
    /// The call itself: it is made from a task, or from outside.
    Itself,
}

enum Found {
    Pinned(Arc<Pinned>),
    Unpinned,
    Retired,
}

/// A reference to a contract, callable as the trait itself (with the trait in scope).
///
/// It is bound at each call: to the module that publishes the contract in the composition that
/// the calling entry has pinned. It belongs to the instance that took it, and resolves only in a
/// composition that holds this instance; otherwise the call is [`CallError::Retired`].
pub struct ServiceRef<S: ?Sized> {
    owner: Arc<InstanceState>,
    module: Option<ModuleName>,
    contract: PhantomData<fn(&S)>,
}

impl<S: Service + ?Sized> ServiceRef<S> {
    pub(crate) fn new(owner: &Arc<InstanceState>, module: Option<ModuleName>) -> Self {
        Self { owner: owner.clone(), module, contract: PhantomData }
    }

    /// Whether somebody publishes the contract in the composition that serves now: what a module
    /// with an optional reference asks before it calls.
    ///
    /// An associated function, `ServiceRef::is_published(&reference)`: a contract may have a method
    /// of this name.
    #[must_use]
    pub fn is_published(this: &Self) -> bool {
        this.caller().is_ok_and(|caller| this.provider(&caller.pin).is_ok())
    }

    /// The module that this reference names, where it names one: `ServiceRef::module(&reference)`.
    #[must_use]
    pub fn module(this: &Self) -> Option<&ModuleName> {
        this.module.as_ref()
    }

    /// The number of the instance that the reference belongs to.
    pub(crate) fn owner_uid(&self) -> u64 {
        self.owner.uid
    }

    /// Who calls, and the composition that the call is to resolve in.
    pub(crate) fn caller(&self) -> Result<Caller, CallError> {
        let owner = &self.owner;
        let (found, deadline, depth) = Frame::with_current(|frame| {
            let Some(frame) = frame else { return (Found::Unpinned, None, 0) };
            let found = match &frame.pin {
                // The calling module is in its own entry's composition: no need to look.
                Some(pin) if frame.instance.uid == owner.uid || pin.holds(owner.uid) => Found::Pinned(pin.clone()),
                // What one base has pinned says nothing about another, in one process with it.
                Some(_) if Weak::ptr_eq(&frame.instance.base, &owner.base) => Found::Retired,
                _ => Found::Unpinned,
            };
            (found, frame.deadline, frame.depth)
        });
        let (pin, root) = match found {
            Found::Pinned(pin) => (pin, Root::Below),
            Found::Unpinned => (Arc::new(owner.pin_home(S::CONTRACT.name)?), Root::Itself),
            Found::Retired => {
                return Err(CallError::Retired { contract: S::CONTRACT.name.into(), instance: owner.id.to_string() });
            }
        };
        Ok(Caller { pin, root, deadline, depth })
    }

    pub(crate) fn provider<'c>(
        &self,
        composition: &'c crate::Composition,
    ) -> Result<&'c crate::compose::Provider, CallError> {
        composition
            .provider(TypeId::of::<S>(), self.owner.scene, self.module.as_ref())
            .ok_or_else(|| self.unpublished())
    }

    fn unpublished(&self) -> CallError {
        let name = S::CONTRACT.name;
        let contract = match &self.module {
            Some(module) => format!("{name} by {module}").into(),
            None => name.into(),
        };
        CallError::Unpublished { contract, scene: self.owner.id.scene.to_string() }
    }
}

impl<S: Service + ?Sized> Clone for ServiceRef<S> {
    fn clone(&self) -> Self {
        Self { owner: self.owner.clone(), module: self.module.clone(), contract: PhantomData }
    }
}

impl<S: Service + ?Sized> fmt::Debug for ServiceRef<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceRef")
            .field("contract", &S::CONTRACT.name)
            .field("owner", &self.owner.id)
            .field("module", &self.module)
            .finish()
    }
}

/// References to every module that publishes a contract: `#[service(many)]`.
pub struct ServiceRefs<S: ?Sized> {
    owner: Arc<InstanceState>,
    contract: PhantomData<fn(&S)>,
}

impl<S: Service + ?Sized> ServiceRefs<S> {
    pub(crate) fn new(owner: &Arc<InstanceState>) -> Self {
        Self { owner: owner.clone(), contract: PhantomData }
    }

    /// A reference to each module that publishes the contract in the composition of this entry,
    /// in the order of their names.
    ///
    /// # Errors
    ///
    /// [`CallError::Retired`] where the owner's generation serves no longer.
    pub fn all(&self) -> Result<Vec<ServiceRef<S>>, CallError> {
        let any = ServiceRef::<S>::new(&self.owner, None);
        let Caller { pin, .. } = any.caller()?;
        Ok(pin
            .providers(TypeId::of::<S>(), self.owner.scene)
            .map(|provider| ServiceRef::new(&self.owner, Some(provider.instance.module().clone())))
            .collect())
    }
}

impl<S: Service + ?Sized> Clone for ServiceRefs<S> {
    fn clone(&self) -> Self {
        Self::new(&self.owner)
    }
}

impl<S: Service + ?Sized> fmt::Debug for ServiceRefs<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceRefs").field("contract", &S::CONTRACT.name).field("owner", &self.owner.id).finish()
    }
}
