//! One contract that one module publishes, as `#[scene_service]` registers it.

use std::any::{Any, TypeId};
use std::sync::Arc;

use crate::descriptors::Site;
use crate::service::{Contract, Published};

/// Says that a module publishes a contract. Elements of the module crate's own slice.
#[derive(Clone, Copy)]
pub struct ServiceDescriptor {
    /// The contract.
    pub contract: &'static Contract,
    /// Identifies the contract in this process: the type id of its `dyn Trait`.
    pub contract_type: TypeId,
    /// Casts the module to the contract; `None` for an object of another type.
    pub publish: fn(Arc<dyn Any + Send + Sync>) -> Option<Published>,
    /// The scenes it is published in; empty for all that its module is in.
    pub scenes: &'static [&'static str],
    /// Where the implementation stands.
    pub site: Site,
}
