//! What a list says of a starter.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use semver::VersionReq;
use serde::Serialize;

/// One starter of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    /// The starter's name, which is its section in the settings: `[starters.<name>]`.
    pub(crate) name: String,
    /// The package, as a dependency names it.
    #[serde(rename = "crate")]
    pub(crate) package: String,
    /// The versions of the package that the list speaks of.
    pub(crate) version: VersionReq,
    /// What it is for, in one line.
    pub(crate) about: String,
    /// What it stands with in the list: `web`, `data`, `operation`, ….
    pub(crate) group: String,
    /// The types that it hands to modules, as fields of theirs.
    pub(crate) provides: Vec<String>,
    /// The types that it reads from modules, which export them.
    pub(crate) reads: Vec<String>,
    /// The starters that it cannot do without, by name.
    pub(crate) needs: Vec<String>,
    /// The starters that cannot be in one base with it, by name.
    pub(crate) excludes: Vec<String>,
    /// Its settings, below `[starters.<name>]`.
    pub(crate) settings: Vec<SettingHelp>,
    /// Its settings for a module, below `[modules.<module>.<name>]`.
    pub(crate) module_settings: Vec<SettingHelp>,
    /// Features of the package that a base may want, each with what it brings.
    pub(crate) features: BTreeMap<String, String>,
    /// The versions of bedplate that it works with.
    pub(crate) bedplate: VersionReq,
    /// Where to read more: `documentation`, `repository`, ….
    pub(crate) links: BTreeMap<String, String>,
    /// Where its code comes from.
    pub(crate) source: Source,
}

/// One setting of a starter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SettingHelp {
    /// The key below its section, with dots where it is nested: `cors.origins`.
    pub(crate) key: String,
    /// What a value is, in words: `a whole number from 0 to 65535`.
    pub(crate) kind: String,
    /// The default, as a settings file would hold it; none where there is none.
    pub(crate) default: Option<String>,
    /// Whether the base does not start without it.
    pub(crate) required: bool,
    /// What it means; empty where its author says nothing.
    pub(crate) help: String,
}

/// Where a starter's code comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Source {
    /// From where bedplate itself comes: it is part of its repository.
    Bedplate {
        /// The folder of its package within that repository, such as `starters/http`.
        folder: PathBuf,
    },
    /// From the registry, in a version that fits [`Entry::version`].
    Registry,
    /// From a folder of this machine.
    Path {
        /// The absolute path of the package's folder.
        path: PathBuf,
    },
    /// From a commit of a git repository.
    Git {
        /// The repository.
        url: String,
        /// The commit: 40 (or 64) hexadecimal digits.
        rev: String,
    },
}

impl Source {
    /// Whether this is code of somebody else, which is confirmed before it is built.
    pub(crate) fn is_third_party(&self) -> bool {
        !matches!(self, Self::Bedplate { .. })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bedplate { .. } => f.write_str("from where bedplate comes"),
            Self::Registry => f.write_str("from the registry"),
            Self::Path { path } => write!(f, "from the folder {}", path.display()),
            Self::Git { url, rev } => write!(f, "from {url} at the commit {rev}"),
        }
    }
}
