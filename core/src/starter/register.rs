//! What the code of `#[starter]` calls: small parts, so that the macro writes little.

use std::any::{TypeId, type_name};

use futures_util::future::BoxFuture;

use crate::Result;
use crate::descriptors::HandleInfo;
use crate::starter::erased::ErasedStarter;
use crate::starter::{DeclaredStarter, StarterContext, erased_start};

/// Starts a declared starter. Its one bound is what the macro implements, so that a missing
/// `Starter` is reported once.
pub fn declared_start<S: DeclaredStarter>(ctx: &StarterContext) -> BoxFuture<'_, Result<ErasedStarter>> {
    erased_start::<S>(ctx)
}

/// A type that a starter names: another starter, or a handle that it provides. The macro checks
/// which, so that the message stands at the type and names nothing of ours.
#[must_use]
pub const fn type_info<T: 'static>() -> HandleInfo {
    HandleInfo { type_id: TypeId::of::<T>, type_name: type_name::<T> }
}
