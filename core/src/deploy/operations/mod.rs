//! What can be done to a running base: install, redeploy, roll back, uninstall, plan; and what it tells of itself.

mod boot;
mod bundle;
mod bundled;
mod come_back;
mod error;
mod guard;
mod handle;
mod incoming;
mod note;
mod request;
mod rollback;
mod snapshot;
mod status;
#[cfg(test)]
mod tests;

pub(crate) use boot::{Booted, Purpose, boot};
pub use bundle::{Bundle, BundledModule};
pub(crate) use bundled::OperationParts;
pub use error::OperationError;
pub use handle::Operations;
pub(crate) use incoming::disagreeing;
pub use note::{Note, NoteLevel};
pub use request::{Done, ObjectReference, Options, Request};
pub use snapshot::Snapshot;
pub use status::{Drains, ServingModule, Status};
