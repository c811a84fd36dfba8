//! What a starter is: one technology, added to a base.

mod around;
mod context;
mod erased;
mod inspect;
mod lifecycle;
mod listen;
mod provided;
mod register;

pub use around::{Around, Next, Outcome};
pub use context::StarterContext;
pub(crate) use erased::StarterCalls;
#[doc(hidden)]
pub use erased::{ErasedStart, erased_start};
pub use inspect::{Content, Inspection};
pub use lifecycle::{DeclaredStarter, Starter};
pub use provided::{Handles, Provided, Staged};
#[doc(hidden)]
pub use register::{declared_start, type_info};
