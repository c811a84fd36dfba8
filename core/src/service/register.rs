//! What the code of `#[service]` and `#[module]` checks types with, for one short message each.

use crate::service::{Service, ServiceRef};

/// A type that can be an argument of a contract's method. Named in the body that sends it: the
/// compiler then reports this, and not also that the body's closure is not `Send`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a contract's method",
    label = "not `Send + 'static`",
    note = "a call can go to another thread: use an owned type that is `Send`, such as `Arc` for `Rc`"
)]
pub trait ContractArgument {
    /// Named by generated code.
    const CHECKED: () = ();
}

#[diagnostic::do_not_recommend]
impl<T: Send + 'static> ContractArgument for T {}

/// A type that can be the result of a contract's method. Named in the same way.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a contract's method",
    label = "not `Send + 'static`",
    note = "a call can go to another thread: return an owned type that is `Send`, such as `Arc` for `Rc`"
)]
pub trait ContractAnswer {
    /// Named by generated code.
    const CHECKED: () = ();
}

#[diagnostic::do_not_recommend]
impl<T: Send + 'static> ContractAnswer for T {}

/// A field that can say which module serves it.
#[diagnostic::on_unimplemented(
    message = "`#[from(…)]` names the module that serves a contract, and `{Self}` is no reference to one",
    label = "not a reference to a contract",
    note = "write `ServiceRef<dyn Contract>` or `Option<ServiceRef<dyn Contract>>`, or remove `#[from(…)]`"
)]
pub trait FromModule {
    /// Named by generated code.
    const CHECKED: () = ();
}

impl<S: Service + ?Sized> FromModule for ServiceRef<S> {}

impl<S: Service + ?Sized> FromModule for Option<ServiceRef<S>> {}
