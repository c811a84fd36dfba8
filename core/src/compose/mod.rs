//! Building and checking a composition: the immutable picture of what serves.

mod check;
mod composition;
mod order;
mod problem;

pub(crate) use check::check;
pub(crate) use composition::Doors;
pub use composition::{Composition, Provider};
pub(crate) use order::{required_among, required_by_index, start_order};
pub use problem::{CompositionError, Place, Problem};
