//! The layers of all sources, read as one tree.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::node::{Naming, Table};
use super::section::descend;
use super::suggest::normal;
use super::{KeyPath, Section, SettingProblem, Settings};

/// The file that advice names when no source is a file.
const USUAL_FILE: &str = "bedplate.toml";

/// All settings of a base, each value with the place it came from. Cheap to clone.
///
/// It holds secrets: `Debug` prints the names of sections only.
#[derive(Clone)]
pub struct Tree {
    shared: Arc<Shared>,
}

struct Shared {
    /// The lowest first.
    layers: Vec<Table>,
    main_file: String,
}

impl Default for Tree {
    /// A tree without values: every setting has its default.
    fn default() -> Self {
        Self::new(Vec::new(), None)
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").field("sections", &self.keys_under(&KeyPath::root())).finish_non_exhaustive()
    }
}

impl Tree {
    pub(super) fn new(layers: Vec<Table>, main_file: Option<String>) -> Self {
        let main_file = main_file.unwrap_or_else(|| USUAL_FILE.to_owned());
        Self { shared: Arc::new(Shared { layers, main_file }) }
    }

    pub(super) fn layers(&self) -> &[Table] {
        &self.shared.layers
    }

    /// The section under the given paths. Later paths override earlier ones key by key, whatever layer they are in.
    pub(super) fn section<'a>(&'a self, paths: &[KeyPath], problems: &'a mut Vec<SettingProblem>) -> Section<'a> {
        Section::open(self.layers(), paths, &self.shared.main_file, problems)
    }

    /// Reads the settings of one section. Later paths override earlier ones key by key: `modules.comments`, then
    /// `scenes.retail.modules.comments`. `None`: the reasons were added to `problems`.
    pub fn read<S: Settings>(&self, paths: &[KeyPath], problems: &mut Vec<SettingProblem>) -> Option<S> {
        let before = problems.len();
        let value = S::read(&mut self.section(paths, problems));
        value.filter(|_| problems.len() == before)
    }

    /// The names directly under a path, in any layer: which scenes there are, for instance.
    ///
    /// A name that only the environment gives is in lower case with underscores, since variables have no other.
    pub fn keys_under(&self, path: &KeyPath) -> Vec<String> {
        let tables: Vec<_> = self.layers().iter().filter_map(|layer| descend(layer, path).ok().flatten()).collect();
        let entries = || tables.iter().flat_map(|table| table.iter());
        let exact: BTreeSet<_> =
            entries().filter(|(_, entry)| entry.naming == Naming::Exact).map(|(name, _)| name.clone()).collect();
        let spelled: BTreeSet<_> = exact.iter().map(|name| normal(name)).collect();
        let loose = entries()
            .filter(|(name, entry)| entry.naming == Naming::Loose && !spelled.contains(&normal(name)))
            .map(|(name, _)| name.clone());
        exact.iter().cloned().chain(loose.collect::<BTreeSet<_>>()).collect()
    }
}
