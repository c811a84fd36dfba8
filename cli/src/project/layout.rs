//! A project as it lies on the disk, ready to be changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use cargo_metadata::{MetadataCommand, Package};
use clap::ArgMatches;

use crate::failure::Failure;
use crate::project::edit::{Applied, Edit};
use crate::project::manifest::Manifest;
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
            .map(|package| (starter_name(package), package))
            .collect()
    }

    /// Puts both manifests into an edit.
    pub(super) fn write(&self, edit: &mut Edit) {
        for manifest in std::iter::once(&self.root).chain(&self.base) {
            edit.write(&manifest.file, manifest.text());
        }
    }
}

/// The name that a starter has in settings and lists.
pub(super) fn starter_name(package: &Package) -> String {
    let said = package.metadata.get("bedplate").and_then(|about| about.get("name")).and_then(|name| name.as_str());
    let of_package = package.name.strip_prefix("bedplate-starter-").unwrap_or(package.name.as_str());
    said.unwrap_or(of_package).to_owned()
}

pub(super) fn folder(package: &Package) -> PathBuf {
    package.manifest_path.as_std_path().parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Has cargo read what was written, and resolve it.
///
/// # Errors
///
/// In cargo's words, where it cannot; what was applied is undone by its owner then.
pub(super) fn resolve(root: &Path, _: &Applied) -> Result<cargo_metadata::Metadata> {
    MetadataCommand::new().manifest_path(root.join("Cargo.toml")).exec().map_err(|error| {
        let said = match error {
            cargo_metadata::Error::CargoMetadata { stderr } => stderr,
            other => other.to_string(),
        };
        let is_network = ["Could not resolve host", "failed to download", "network", "--offline"];
        let help = match is_network.iter().any(|word| said.contains(word)) {
            true => "crates have to be fetched once: with a network, or from a vendored folder or a mirror in .cargo/config.toml",
            false => "mend what it names; all files are as they were",
        };
        Failure::error("not-resolved", format!("cargo cannot resolve the project:\n{}", said.trim_end()), help)
    })
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
