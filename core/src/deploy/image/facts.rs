//! What a file says about itself, whatever its format.

use super::flaw::{Constructor, Flaw};
use super::identity::BuildId;

/// What is read from a file, before anything of it is compared or loaded.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The section with the label.
    pub(super) label: Option<Vec<u8>>,
    /// The linker's note.
    pub(super) build_id: Option<BuildId>,
    /// The file names of the libraries that it needs.
    pub(super) needed: Vec<String>,
    /// What would run while it is loaded, beside the C runtime's own.
    pub(super) constructors: Vec<Constructor>,
    /// Statics that it defines: crate and name. One of each crate is enough.
    pub(super) statics: Vec<(String, String)>,
    /// Whether it exports the entry of a module.
    pub(super) has_entry: bool,
    /// What is wrong with the file itself, and does not keep the rest from being read.
    pub(super) flaws: Vec<Flaw>,
}

/// How many constructors are named. A file with more is refused all the same.
pub(super) const NAMED_CONSTRUCTORS: usize = 16;
