//! Objects: reading and checking a file, loading it, and the proof that its code is what runs.

mod crates;
mod elf;
mod facts;
mod file;
mod fit;
mod flaw;
mod identity;
mod images;
mod label;
mod load;
mod macho;
mod memory;
mod names;
mod proof;
mod retired;
mod set;
mod symbol;
#[cfg(test)]
pub(crate) mod tests;
mod thread;

pub(crate) use crates::changed_crates;
pub use crates::{ChangedCrate, CrateChange};
pub(crate) use file::inspect_as;
pub use file::{Fit, ObjectFile, inspect};
pub use flaw::{Constructor, Difference, Flaw, Part};
pub(crate) use identity::hex;
pub use identity::{BuildId, Digest, InvalidIdentity};
pub(crate) use images::{Images, load_in_place};
pub use label::{
    CrateKind, CrateLabel, ENTRY_SYMBOL, LABEL_FORMAT, LABEL_SECTION, LABEL_SECTION_MACHO, ObjectLabel, SourceLabel,
};
pub use load::{LoadedObject, Origin};
pub(crate) use names::{Named, Names};
pub use proof::Image;
pub(crate) use retired::Budgets;
pub use retired::{BudgetReport, BudgetState, RetiredObject, RetiredReport};
pub use set::{Disagreement, Member, disagreements};
pub(crate) use thread::beside;
