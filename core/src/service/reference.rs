//! References to services: late-bound, owned by the instance that took them.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::deploy::Pinned;
use crate::descriptors::ModuleName;
use crate::isolation::Frame;
use crate::module::InstanceState;
use crate::service::{CallError, Service};

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
    #[must_use]
    pub fn is_published(&self) -> bool {
        Frame::with_current(|caller| self.pin(caller)).is_ok_and(|pin| self.provider(&pin).is_ok())
    }

    /// The module that this reference names, where it names one.
    #[must_use]
    pub fn module(&self) -> Option<&ModuleName> {
        self.module.as_ref()
    }

    /// The composition that a call from `caller` is to resolve in.
    pub(crate) fn pin(&self, caller: Option<&Frame>) -> Result<Arc<Pinned>, CallError> {
        match caller.and_then(|frame| frame.pin.as_ref().map(|pin| (pin, frame.instance.uid))) {
            // The calling module is in its own entry's composition: no need to look.
            Some((pin, uid)) if uid == self.owner.uid || pin.holds(self.owner.uid) => Ok(pin.clone()),
            Some(_) => {
                Err(CallError::Retired { contract: S::CONTRACT.name.into(), instance: self.owner.id.to_string() })
            }
            None => Ok(Arc::new(self.owner.pin_home(S::CONTRACT.name)?)),
        }
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
        let pin = Frame::with_current(|caller| any.pin(caller))?;
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
