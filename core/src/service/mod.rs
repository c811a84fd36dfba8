//! Contracts between modules: how one is described, referred to, and called.

mod call;
mod contract;
mod error;
mod held;
mod published;
mod reference;
mod register;

#[doc(hidden)]
pub use call::{call, call_plain};
pub use contract::{Contract, ImplementedBy, Method, MethodKind, Publishers, Service};
pub use error::{CallError, ErrorKind, Refusable, Refusal, ServiceError};
pub use published::Published;
pub(crate) use reference::{Caller, Root};
pub use reference::{ServiceRef, ServiceRefs};
#[doc(hidden)]
pub use register::{ContractAnswer, ContractArgument, FromModule};
