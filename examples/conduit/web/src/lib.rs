//! What the modules of Conduit share towards HTTP: errors, forms, paths, and who is calling.

#![forbid(unsafe_code)]

mod caller;
mod error;
mod form;
mod path;

pub use caller::{Authenticates, Caller, Viewer};
pub use error::ConduitError;
pub use form::{Change, Form, Payload};
pub use path::Named;
