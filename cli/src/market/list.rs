//! One list of starters, and where it comes from.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::Entry;

/// The name of the list that comes with the tool.
pub(crate) const BUILT_IN: &str = "bedplate";

/// One list of starters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct List {
    /// Its name: of two lists that have a starter of one name, `LIST/NAME` says which.
    pub(crate) name: String,
    /// Where it comes from.
    pub(crate) origin: Origin,
    /// What it is held to: `sha256:…`, or the 40 hexadecimal digits of a commit; none for the built-in list, and
    /// for a file or folder that the command line names without one.
    pub(crate) pin: Option<String>,
    /// Its starters, in its own order.
    #[serde(rename = "starters")]
    pub(crate) entries: Vec<Entry>,
}

impl List {
    /// Whether it is the one that comes with the tool.
    pub(crate) fn is_built_in(&self) -> bool {
        self.origin == Origin::BuiltIn
    }
}

/// Where a list comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Origin {
    /// It comes with the tool.
    BuiltIn,
    /// A file of this machine, by its absolute path.
    File {
        /// The file.
        path: PathBuf,
    },
    /// A folder of this machine, by its absolute path.
    Folder {
        /// The folder, which holds a `market.toml`, or files `*.toml`.
        path: PathBuf,
    },
    /// A git repository.
    Git {
        /// The repository, as git takes it.
        url: String,
        /// The file or folder of the list within it; empty for its root.
        path: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("comes with the tool"),
            Self::File { path } => write!(f, "the file {}", path.display()),
            Self::Folder { path } => write!(f, "the folder {}", path.display()),
            Self::Git { url, path } if path.is_empty() => write!(f, "the repository {url}"),
            Self::Git { url, path } => write!(f, "{path} of the repository {url}"),
        }
    }
}
