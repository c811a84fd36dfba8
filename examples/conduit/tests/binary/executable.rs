//! Which binary is tried: the one static binary.

use std::path::Path;

/// What it is called in the names of folders.
pub(crate) const NAME: &str = "static";

pub(crate) fn executable() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_conduit"))
}
