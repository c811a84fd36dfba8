//! The market: lists of starters that a base can pick from.
//!
//! One list comes with the tool; any number besides are named in the project's `Cargo.toml`, each pinned by
//! a commit or a digest, or on the command line.

mod cache;
mod compare;
mod entry;
mod generate;
mod git;
mod list;
mod load;
mod parse;
mod pick;
mod pins;
mod render;
mod root;
mod snapshot;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use semver::Version;

pub(crate) use self::compare::{Difference, compare};
pub(crate) use self::entry::{Entry, SettingHelp, Source};
pub(crate) use self::generate::{Described, Place, of_entries, of_folders};
pub(crate) use self::git::Repository;
pub(crate) use self::list::{BUILT_IN, List, Origin};
pub(crate) use self::pick::{Pick, fits};
pub(crate) use self::pins::{Pinned, check_name, read, remove, write};
pub(crate) use self::render::{Made, render};
pub(crate) use self::root::workspace_root;
pub(crate) use self::snapshot::{Snapshot, absolute, relative};

/// All lists that a project picks from.
#[derive(Debug, Clone)]
pub(crate) struct Market {
    /// The built-in list first, then the project's own by name, then those of the command line.
    pub(crate) lists: Vec<List>,
}

/// The version of bedplate that this tool is of, and gives to a new base.
pub(crate) fn own_version() -> Version {
    Version::parse(env!("CARGO_PKG_VERSION")).expect("cargo holds a package's version to semver")
}

/// The checkout of bedplate's repository that this tool was built in, where that is still there.
pub(crate) fn checkout() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    folder.join("core").join("Cargo.toml").is_file().then(|| folder.to_owned())
}
