//! The user's workspace: which package is the base, and which crates are modules, starters and contracts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::Result;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId, TargetKind};
use serde::Serialize;

use crate::failure::Failure;

/// What a crate says it is, in `[package.metadata.bedplate]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Module,
    Starter,
    Contract,
}

/// What cargo is asked to build: always the same for one base, so that shared crates come out once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Selection {
    /// The base's package; the only one there is, where none is named.
    pub(crate) package: Option<String>,
    /// The workspace's manifest, where it is not that of the current folder.
    pub(crate) manifest: Option<PathBuf>,
    /// The profile; `dev` where none is named.
    pub(crate) profile: Option<String>,
    /// Features of the base, as cargo takes them.
    pub(crate) features: Vec<String>,
    /// Whether the base's default features are left out.
    pub(crate) no_default_features: bool,
}

impl Selection {
    /// The profile's name.
    pub(crate) fn profile(&self) -> &str {
        self.profile.as_deref().unwrap_or("dev")
    }

    /// The arguments for cargo.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--profile".to_owned(), self.profile().to_owned()];
        if let Some(manifest) = &self.manifest {
            arguments.extend(["--manifest-path".to_owned(), manifest.display().to_string()]);
        }
        if !self.features.is_empty() {
            arguments.extend(["--features".to_owned(), self.features.join(",")]);
        }
        if self.no_default_features {
            arguments.push("--no-default-features".to_owned());
        }
        arguments
    }

    /// A word for the folder of what is built: each selection has its own.
    fn folder_name(&self, base: &str) -> String {
        let mut name = format!("{base}-{}", self.profile());
        let mut features = self.features.clone();
        features.sort();
        if self.no_default_features {
            features.insert(0, "none".to_owned());
        }
        for feature in features {
            name.push('+');
            name.extend(feature.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }));
        }
        name
    }
}

/// A workspace, seen from one base in it.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// The target folder.
    pub(crate) target: PathBuf,
    /// The tool's own folder below the target folder.
    pub(crate) output: PathBuf,
    /// The base's package.
    pub(crate) base: Base,
    /// The modules that the base lists, by the name of their package.
    pub(crate) modules: BTreeMap<String, Module>,
    /// What each package depends on, beside its tests and build scripts.
    pub(crate) links: BTreeMap<PackageId, Vec<PackageId>>,
    /// What cargo says of every package, by id.
    pub(crate) packages: BTreeMap<PackageId, Package>,
}

/// The base's package.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) name: String,
    pub(crate) version: String,
    /// The binary that runs.
    pub(crate) binary: String,
    pub(crate) folder: PathBuf,
    /// The folders of the packages of this workspace that it is made of, its own included.
    pub(crate) local: BTreeSet<PathBuf>,
}

/// A module's package.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) id: PackageId,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) folder: PathBuf,
    /// The folders of the packages of this workspace that it is made of, its own included.
    pub(crate) local: BTreeSet<PathBuf>,
    /// Whether nothing but the base depends on its crate.
    pub(crate) is_leaf: bool,
}

impl Workspace {
    /// Asks cargo about the workspace.
    pub(crate) fn read(selection: &Selection) -> Result<Self> {
        let mut command = MetadataCommand::new();
        if let Some(manifest) = &selection.manifest {
            command.manifest_path(manifest);
        }
        let metadata = command.exec().map_err(|error| {
            Failure::error(
                "no-workspace",
                format!("cargo cannot read the workspace: {error}"),
                "run it in the folder of a workspace, or name its Cargo.toml: --manifest-path",
            )
        })?;
        Self::of(metadata, selection)
    }

    fn of(metadata: Metadata, selection: &Selection) -> Result<Self> {
        let base = find_base(&metadata, selection)?;
        let nodes: BTreeMap<_, _> = metadata
            .resolve
            .as_ref()
            .map(|resolve| resolve.nodes.iter().map(|node| (&node.id, node)).collect())
            .unwrap_or_default();
        let packages: BTreeMap<_, _> = metadata.packages.iter().map(|package| (&package.id, package)).collect();
        let dependencies = |id: &PackageId| -> Vec<&PackageId> {
            let Some(node) = nodes.get(id) else { return Vec::new() };
            let is_normal = |dependency: &&cargo_metadata::NodeDep| {
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
            };
            node.deps.iter().filter(is_normal).map(|dependency| &dependency.pkg).collect()
        };
        let local = |id: &PackageId| {
            let mut seen = BTreeSet::new();
            let mut open = vec![id];
            let mut local = BTreeSet::new();
            while let Some(next) = open.pop() {
                let Some(package) = packages.get(next).filter(|_| seen.insert(next)) else { continue };
                // What comes from a registry depends on nothing of this workspace.
                if package.source.is_none() {
                    local.insert(folder(package));
                    open.extend(dependencies(next));
                }
            }
            local
        };
        let mut modules = BTreeMap::new();
        for id in dependencies(&base.id) {
            let Some(package) = packages.get(id).filter(|package| kind(package) == Some(Kind::Module)) else {
                continue;
            };
            let used_by_others =
                nodes.keys().filter(|other| **other != &base.id).any(|other| dependencies(other).contains(&id));
            let module = Module {
                id: id.clone(),
                name: package.name.to_string(),
                version: package.version.to_string(),
                folder: folder(package),
                local: local(id),
                is_leaf: !used_by_others,
            };
            modules.insert(module.name.clone(), module);
        }
        let base_package = Base {
            name: base.name.to_string(),
            version: base.version.to_string(),
            binary: binary(base).unwrap_or_else(|| base.name.to_string()),
            folder: folder(base),
            local: local(&base.id),
        };
        let output =
            metadata.target_directory.as_std_path().join("bedplate").join(selection.folder_name(&base_package.name));
        let links = nodes.keys().map(|id| ((*id).clone(), dependencies(id).into_iter().cloned().collect())).collect();
        Ok(Self {
            links,
            root: metadata.workspace_root.as_std_path().to_owned(),
            target: metadata.target_directory.as_std_path().to_owned(),
            output,
            base: base_package,
            modules,
            packages: metadata.packages.iter().map(|package| (package.id.clone(), package.clone())).collect(),
        })
    }

    /// The folders of all packages of this workspace that the base or a module is made of.
    pub(crate) fn local(&self) -> BTreeSet<PathBuf> {
        let mut local: BTreeSet<_> = self.modules.values().flat_map(|module| module.local.iter().cloned()).collect();
        local.extend(self.base.local.iter().cloned());
        local
    }

    /// The module of this name.
    pub(crate) fn module(&self, name: &str) -> Result<&Module> {
        self.modules.get(name).ok_or_else(|| {
            let known: Vec<_> = self.modules.keys().map(|name| format!("`{name}`")).collect();
            Failure::error(
                "unknown-module",
                format!("the base `{}` lists no module `{name}`", self.base.name),
                match known.is_empty() {
                    true => "it lists none: `cargo add` one, with kind = \"module\" in its [package.metadata.bedplate]"
                        .to_owned(),
                    false => format!("its modules are {}", known.join(", ")),
                },
            )
        })
    }

    /// All that packages are built from, themselves among it; without what only their tests and build scripts take.
    pub(crate) fn closure<'w>(&'w self, of: impl IntoIterator<Item = &'w PackageId>) -> BTreeSet<&'w PackageId> {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&PackageId> = of.into_iter().collect();
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(self.links.get(next).into_iter().flatten());
            }
        }
        seen
    }

    /// What the base itself is built from, without its modules: each module borrows it, and carries the rest.
    pub(crate) fn base_library(&self) -> BTreeSet<&PackageId> {
        let base = self.packages.values().find(|package| folder(package) == self.base.folder);
        let listed = base.and_then(|base| self.links.get(&base.id)).into_iter().flatten();
        self.closure(listed.filter(|id| !self.modules.values().any(|module| module.id == **id)))
    }

    /// What a package says it is.
    pub(crate) fn kind_of(&self, id: &PackageId) -> Option<Kind> {
        self.packages.get(id).and_then(kind)
    }
}

fn find_base<'m>(metadata: &'m Metadata, selection: &Selection) -> Result<&'m Package> {
    let members = metadata.workspace_packages();
    if let Some(name) = &selection.package {
        let package = members.iter().find(|package| package.name.as_str() == name).ok_or_else(|| {
            Failure::error(
                "unknown-base",
                format!("the workspace has no package `{name}`"),
                format!("its bases are {}", names(&bases(&members))),
            )
        })?;
        return match is_base(package) {
            true => Ok(package),
            false => Err(Failure::error(
                "no-base",
                format!("the package `{name}` is no base: it has no binary, or does not depend on `bedplate`"),
                "name a package with `bedplate::base!();` in its main.rs",
            )),
        };
    }
    let here = std::env::current_dir().unwrap_or_default();
    let found = bases(&members);
    let of_folder = found.iter().filter(|package| here.starts_with(folder(package)));
    // The innermost folder decides, where packages lie in one another.
    if let Some(package) = of_folder.max_by_key(|package| folder(package).components().count()) {
        return Ok(package);
    }
    match found.as_slice() {
        [only] => Ok(only),
        [] => Err(Failure::error(
            "no-base",
            "the workspace has no base",
            "a base is a package with `bedplate::base!();` in its main.rs, which depends on `bedplate`",
        )),
        several => Err(Failure::error(
            "which-base",
            format!("the workspace has several bases: {}", names(several)),
            "name one: -p NAME",
        )),
    }
}

fn bases<'m>(members: &[&'m Package]) -> Vec<&'m Package> {
    members.iter().copied().filter(|package| is_base(package)).collect()
}

fn names(packages: &[&Package]) -> String {
    packages.iter().map(|package| format!("`{}`", package.name)).collect::<Vec<_>>().join(", ")
}

/// Whether a package can be a base: it has a binary, depends on the core, and is none of the other kinds.
fn is_base(package: &Package) -> bool {
    let depends = |dependency: &cargo_metadata::Dependency| {
        dependency.name == "bedplate" && dependency.kind == DependencyKind::Normal
    };
    binary(package).is_some() && kind(package).is_none() && package.dependencies.iter().any(depends) && {
        let main = package.targets.iter().find(|target| target.kind.contains(&TargetKind::Bin));
        main.and_then(|target| std::fs::read_to_string(&target.src_path).ok())
            .is_some_and(|text| text.contains("base!"))
    }
}

/// The binary: the one that is run by default, or that has the package's name, or the only one.
fn binary(package: &Package) -> Option<String> {
    let mut binaries = package.targets.iter().filter(|target| target.kind.contains(&TargetKind::Bin));
    if let Some(name) = &package.default_run {
        return Some(name.clone());
    }
    let all: Vec<_> = binaries.by_ref().collect();
    let named = all.iter().find(|target| target.name == package.name.as_str());
    named.or_else(|| all.first()).map(|target| target.name.clone())
}

fn kind(package: &Package) -> Option<Kind> {
    match package.metadata.get("bedplate")?.get("kind")?.as_str()? {
        "module" => Some(Kind::Module),
        "starter" => Some(Kind::Starter),
        "contract" => Some(Kind::Contract),
        _ => None,
    }
}

fn folder(package: &Package) -> PathBuf {
    package.manifest_path.as_std_path().parent().map(Path::to_path_buf).unwrap_or_default()
}
