//! What a contract is: a trait that modules call each other through, described as data.

use std::sync::Arc;

use serde::Serialize;

use crate::descriptors::Site;
use crate::service::Published;

/// Implemented by `#[service]` for the `dyn Trait` of a contract.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a contract",
    label = "not a contract",
    note = "a contract is a trait with `#[bedplate::service]`, named as `dyn Trait`: `ServiceRef<dyn Trait>`"
)]
pub trait Service: Send + Sync + 'static {
    /// The contract, as data.
    const CONTRACT: &'static Contract;

    /// An object as it is published; what `#[scene_service]` calls.
    #[doc(hidden)]
    fn published(object: Arc<Self>) -> Published {
        Published::of(object)
    }
}

/// Says that `T` implements the contract: `dyn Trait: ImplementedBy<T>`. `#[service]` implements it
/// for every `T` that implements the trait.
#[diagnostic::on_unimplemented(
    message = "`{T}` does not implement the contract `{Self}`",
    label = "not an implementation of the contract",
    note = "write `#[bedplate::service] impl Trait for {T} {{ … }}`"
)]
pub trait ImplementedBy<T>: Service {
    /// The object, seen through the contract.
    fn from_object(object: Arc<T>) -> Arc<Self>;
}

/// How many modules may publish a contract in one scene.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Publishers {
    /// One: a second publisher is an error of the composition.
    One,
    /// Any number: `#[service(many)]`, called through [`ServiceRefs`](crate::ServiceRefs) or by module.
    Many,
}

/// A contract as data: what `#[service]` knows about the trait.
#[derive(Debug, Serialize)]
pub struct Contract {
    /// The trait's name.
    pub name: &'static str,
    /// The trait's doc comment.
    pub docs: &'static str,
    /// Where the trait stands. Crate and version tell two versions of a contract apart.
    pub site: Site,
    /// How many modules may publish it in one scene.
    pub publishers: Publishers,
    /// Its methods, in the order of the trait.
    pub methods: &'static [Method],
}

/// One method of a contract.
#[derive(Debug, Serialize)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// Its doc comment.
    pub docs: &'static str,
    /// Its signature, as text.
    pub signature: &'static str,
    /// Whether it is async.
    pub kind: MethodKind,
}

/// How a method of a contract is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MethodKind {
    /// `async fn`: has a deadline and can be cancelled.
    Async,
    /// `fn`: runs at once on the caller's thread; it has no queue and no deadline.
    Plain,
}
