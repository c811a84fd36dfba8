//! The gate that every entry into a module passes: pins, marks, times, limits, catches.

mod admission;
mod contained;
mod door;
mod entry;
mod frame;
mod gate;
mod inflight;
mod panic;
mod stats;
mod stream;
mod thread;
mod waiting;

pub use admission::Admission;
pub(crate) use admission::admitted;
pub(crate) use contained::Contained;
pub(crate) use door::{Door, Hold, Passage};
pub use entry::{Entry, EntryKind};
pub use frame::{Current, current};
pub(crate) use frame::{Frame, Scoped, Watched};
pub(crate) use gate::{EntryFuture, run_entry};
pub use inflight::EntryInfo;
pub(crate) use inflight::{InFlight, Tracked, Waits};
pub(crate) use panic::{PanicPlace, PanicText, catch, report_panics_once, text_of};
pub use stats::{Stats, StatsSnapshot};
pub use stream::StreamGuard;
pub use thread::{ThreadOwner, thread_name, thread_owner};
pub(crate) use waiting::{Let, Waiting};
