//! What the code of `#[starter]` calls: small parts, so that the macro writes little.

use std::any::{TypeId, type_name};

use futures_util::future::BoxFuture;

use crate::Result;
use crate::descriptors::HandleInfo;
use crate::module::Handle;
use crate::starter::erased::ErasedStarter;
use crate::starter::{DeclaredStarter, Starter, StarterContext, erased_start};

/// Starts a declared starter. Its one bound is what the macro implements, so that a missing
/// `Starter` is reported once.
pub fn declared_start<S: DeclaredStarter>(ctx: &StarterContext) -> BoxFuture<'_, Result<ErasedStarter>> {
    erased_start::<S>(ctx)
}

/// A starter that another one names, in `needs(…)` or `after(…)`.
#[must_use]
pub const fn a_starter<S: Starter>() -> HandleInfo {
    HandleInfo { type_id: TypeId::of::<S>, type_name: type_name::<S> }
}

/// A type that a starter hands out, in `provides(…)`.
#[must_use]
pub const fn a_handle<H: Handle>() -> HandleInfo {
    HandleInfo { type_id: TypeId::of::<H>, type_name: type_name::<H> }
}
