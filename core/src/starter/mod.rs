//! What a starter is: one technology, added to a base.

mod around;
mod context;
mod erased;
mod inspect;
mod lifecycle;
mod listen;
mod planned;
mod provided;
mod question;
mod register;

pub use around::{Around, Next, Outcome};
pub use context::{StarterContext, WeakBase};
pub(crate) use erased::StarterCalls;
#[doc(hidden)]
pub use erased::{ErasedStart, erased_start};
pub use inspect::{Content, Inspection};
pub use lifecycle::{DeclaredStarter, Starter};
pub use planned::Planned;
pub use provided::{Handles, Provided, Staged};
pub use question::Question;
#[doc(hidden)]
pub use register::{declared_start, type_info};
