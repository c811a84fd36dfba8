//! A project as it lies on the disk, ready to be changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use clap::ArgMatches;
use toml_edit::Value;

use crate::failure::Failure;
use crate::project::edit::{Applied, Edit};
use crate::project::manifest::{Manifest, inherited};
use crate::sources::Declared;
use crate::workspace::{Kind, Selection, Workspace};

/// A workspace with one of its bases, and their manifests.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) workspace: Workspace,
    /// The manifest of the workspace.
    pub(super) root: Manifest,
    /// The base's own; none where that is the workspace's.
    base: Option<Manifest>,
}

impl Project {
    /// Reads the project that the arguments name.
    pub(super) fn open(matches: &ArgMatches) -> Result<Self> {
        let selection = Selection {
            package: matches.get_one::<String>("package").cloned(),
            manifest: matches.get_one::<PathBuf>("manifest-path").cloned(),
            ..Selection::default()
        };
        let workspace = Workspace::read(&selection)?;
        let root = Manifest::read(workspace.root.join("Cargo.toml"))?;
        let base_file = workspace.base.folder.join("Cargo.toml");
        let base = (base_file != root.file).then(|| Manifest::read(base_file)).transpose()?;
        Ok(Self { workspace, root, base })
    }

    /// The manifest that lists what the base has.
    pub(super) fn base(&mut self) -> &mut Manifest {
        self.base.as_mut().unwrap_or(&mut self.root)
    }

    /// The base's settings file.
    pub(super) fn settings(&self) -> PathBuf {
        self.workspace.base.folder.join("bedplate.toml")
    }

    /// The starters that the base lists, by their names, with their packages.
    pub(super) fn starters(&self) -> BTreeMap<String, &Package> {
        let direct = self.workspace.packages.values().find(|package| folder(package) == self.workspace.base.folder);
        let links = direct.and_then(|base| self.workspace.links.get(&base.id));
        let packages = links.into_iter().flatten().filter_map(|id| self.workspace.packages.get(id));
        packages
            .filter(|package| self.workspace.kind_of(&package.id) == Some(Kind::Starter))
            .flat_map(|package| starter_names(package).into_iter().map(move |name| (name, package)))
            .collect()
    }

    /// Adds a dependency of the base: inherited where the workspace shares it.
    pub(super) fn list(&mut self, package: &str, source: Value) {
        if self.root.has_workspace() {
            self.root.share(package, source);
            self.base().add(package, inherited());
        } else {
            self.base().add(package, source);
        }
    }

    /// Takes a dependency of the base out, by whatever name it is listed. Whether it was.
    pub(super) fn unlist(&mut self, package: &str) -> bool {
        let folder = &self.workspace.base.folder;
        let base = self.workspace.packages.values().find(|package| self::folder(package) == *folder);
        let listed = base.into_iter().flat_map(|base| &base.dependencies);
        let keys: BTreeSet<String> = listed
            .filter(|dependency| dependency.name == package)
            .map(|dependency| dependency.rename.clone().unwrap_or_else(|| dependency.name.clone()))
            .collect();
        let is_removed = self.base().remove(&keys);
        if !self.is_listed_elsewhere(package) {
            keys.iter().for_each(|key| self.root.unshare(key));
        }
        is_removed
    }

    /// Whether a package of the workspace beside the base lists a package, for its tests as well.
    fn is_listed_elsewhere(&self, package: &str) -> bool {
        self.local().filter(|other| folder(other) != self.workspace.base.folder).any(|other| lists(other, package))
    }

    /// The packages of the workspace that list one of them, for their tests as well, with what they list it for.
    pub(super) fn users_of(&self, package: &str) -> BTreeMap<String, Use> {
        self.local().filter_map(|other| Some((other.name.to_string(), Use::of(other, package)?))).collect()
    }

    /// The packages that lie in the workspace.
    fn local(&self) -> impl Iterator<Item = &Package> {
        let root = &self.workspace.root;
        self.workspace
            .packages
            .values()
            .filter(move |package| package.source.is_none() && folder(package).starts_with(root))
    }

    /// Puts both manifests into an edit, and the lock file, which cargo writes.
    pub(super) fn write(&self, edit: &mut Edit) {
        for manifest in std::iter::once(&self.root).chain(&self.base) {
            edit.write(&manifest.file, manifest.text());
        }
        edit.watch(self.workspace.root.join("Cargo.lock"));
    }
}

/// What a package lists another one for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Code,
    Tests,
}

impl Use {
    fn of(package: &Package, listed: &str) -> Option<Self> {
        let mut found = package.dependencies.iter().filter(|dependency| dependency.name == listed).peekable();
        found.peek()?;
        let is_for_tests = found.all(|dependency| dependency.kind == DependencyKind::Development);
        Some(if is_for_tests { Self::Tests } else { Self::Code })
    }
}

fn lists(package: &Package, listed: &str) -> bool {
    Use::of(package, listed).is_some()
}

/// The names of the starters that a package registers; where its sources do not tell, that of the package.
fn starter_names(package: &Package) -> Vec<String> {
    let declared = Declared::of(package).map(|declared| declared.starters).unwrap_or_default();
    if !declared.is_empty() {
        return declared;
    }
    vec![package.name.strip_prefix("bedplate-starter-").unwrap_or(package.name.as_str()).to_owned()]
}

pub(super) fn folder(package: &Package) -> PathBuf {
    package.manifest_path.as_std_path().parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Has cargo read what was written, and resolve it.
///
/// # Errors
///
/// In cargo's words, where it cannot; what was applied is undone by its owner then.
pub(super) fn resolve(root: &Path, applied: &Applied) -> Result<Metadata> {
    let mut cargo = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).cargo_command();
    let told = applied.output(&mut cargo)?;
    let said = String::from_utf8_lossy(&told.stderr);
    if told.status.success() {
        let text = std::str::from_utf8(&told.stdout).context("what cargo says is no text")?;
        return MetadataCommand::parse(text).context("what cargo says of the project cannot be read");
    }
    let of_network = [
        "Could not resolve host",
        "Couldn't connect",
        "failed to download",
        "failed to fetch",
        "network",
        "offline",
        "spurious",
    ];
    let help = match of_network.iter().any(|word| said.contains(word)) {
        true => {
            "all files are as they were. Crates are fetched once: try again with a network, or name a mirror or a \
             vendored folder in .cargo/config.toml"
        }
        false => "mend what it names; all files are as they were",
    };
    Err(Failure::error("not-resolved", format!("cargo cannot resolve the project:\n{}", said.trim_end()), help))
}

/// A path from one folder to another, as manifests hold it.
pub(super) fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let same = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = std::iter::repeat_n(std::path::Component::ParentDir, from.len() - same);
    up.chain(to[same..].iter().copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_from_one_folder_to_another() {
        let path = |from: &str, to: &str| relative(Path::new(from), Path::new(to)).display().to_string();
        assert_eq!(path("/shop/base", "/shop/modules/orders"), "../modules/orders");
        assert_eq!(path("/shop", "/shop/modules/orders"), "modules/orders");
        assert_eq!(path("/shop/a/b", "/other"), "../../../other");
    }
}
