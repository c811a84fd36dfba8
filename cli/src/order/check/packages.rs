//! What the packages' manifests and the lock file say: who depends on whom, and which crates come twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cargo_metadata::{Package, PackageId};

use crate::order::check::violation::Violation;
use crate::workspace::{Kind, Workspace};

/// The packages of a workspace, by what they are.
pub(super) struct Packages<'w> {
    workspace: &'w Workspace,
    pub(super) modules: Vec<&'w Package>,
    pub(super) contracts: Vec<&'w Package>,
    starters: Vec<&'w Package>,
}

impl<'w> Packages<'w> {
    pub(super) fn of(workspace: &'w Workspace) -> Self {
        let of_kind = |kind: Kind| -> Vec<&Package> {
            let mut found: Vec<_> = workspace
                .packages
                .values()
                .filter(|package| package.source.is_none() && workspace.kind_of(&package.id) == Some(kind))
                .collect();
            found.sort_by(|one, other| one.name.cmp(&other.name));
            found
        };
        let of_base = workspace.base_library();
        let starters = workspace.packages.values().filter(|package| of_base.contains(&package.id));
        // What other bases of the workspace have is for their own checks; what nobody has is for each.
        let of_modules = workspace.closure(workspace.modules.values().map(|module| &module.id));
        let has_users = |package: &&Package| workspace.links.values().any(|links| links.contains(&package.id));
        let is_ours = |package: &&Package| {
            of_base.contains(&package.id) || of_modules.contains(&package.id) || !has_users(package)
        };
        let listed = |package: &&Package| workspace.modules.contains_key(package.name.as_str());
        Self {
            workspace,
            modules: of_kind(Kind::Module).into_iter().filter(listed).collect(),
            contracts: of_kind(Kind::Contract).into_iter().filter(is_ours).collect(),
            starters: starters.filter(|package| workspace.kind_of(&package.id) == Some(Kind::Starter)).collect(),
        }
    }

    /// What is out of order.
    pub(super) fn check(&self) -> Vec<Violation> {
        let mut found = self.modules_that_list_modules();
        found.extend(self.contracts_that_list_modules());
        found.extend(self.crates_twice());
        found.extend(self.carried_twice());
        found
    }

    /// The file of a package's manifest, from the workspace's folder.
    pub(super) fn manifest(&self, package: &Package) -> String {
        self.shown(package.manifest_path.as_std_path())
    }

    /// A file, from the workspace's folder.
    pub(super) fn shown(&self, file: &Path) -> String {
        file.strip_prefix(&self.workspace.root).unwrap_or(file).display().to_string()
    }

    /// The crates of this workspace that a module has for itself, and takes along into its object.
    pub(super) fn helpers(&self, module: &Package) -> Vec<&'w Package> {
        let of_base = self.workspace.base_library();
        let Some((id, _)) = self.workspace.packages.get_key_value(&module.id) else { return Vec::new() };
        let built = self.workspace.closure([id]).into_iter().filter(|other| *other != id && !of_base.contains(other));
        let packages = built.filter_map(|other| self.workspace.packages.get(other));
        packages.filter(|other| other.source.is_none() && self.workspace.kind_of(&other.id).is_none()).collect()
    }

    fn direct(&self, package: &Package) -> impl Iterator<Item = &'w Package> {
        let workspace = self.workspace;
        let links = workspace.links.get(&package.id);
        links.into_iter().flatten().filter_map(|id| workspace.packages.get(id))
    }

    fn modules_that_list_modules(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        for module in &self.modules {
            for other in self.direct(module).filter(|other| self.workspace.kind_of(&other.id) == Some(Kind::Module)) {
                found.push(Violation::new(
                    "module-lists-module",
                    format!("{} lists {}", module.name, other.name),
                    format!("the module `{}` depends on the crate of the module `{}`", module.name, other.name),
                    self.manifest(module),
                    "move what it needs into a contract crate, and call it through a `ServiceRef`: a change of the other \
                     module would redeploy both",
                ));
            }
        }
        found
    }

    fn contracts_that_list_modules(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        for contract in &self.contracts {
            for other in self
                .direct(contract)
                .filter(|other| matches!(self.workspace.kind_of(&other.id), Some(Kind::Module | Kind::Starter)))
            {
                found.push(Violation::new(
                    "contract-lists-code",
                    format!("{} lists {}", contract.name, other.name),
                    format!("the contract `{}` depends on `{}`", contract.name, other.name),
                    self.manifest(contract),
                    "a contract is a trait and its types: whoever uses it would carry the other crate too",
                ));
            }
        }
        found
    }

    /// Crates that a module, a contract or a starter asks for by itself, and that come in two versions.
    fn crates_twice(&self) -> Vec<Violation> {
        let mut asked: BTreeMap<&str, BTreeMap<&PackageId, BTreeSet<&str>>> = BTreeMap::new();
        for package in self.modules.iter().chain(&self.contracts).chain(&self.starters) {
            for dependency in self.direct(package).filter(|dependency| dependency.source.is_some()) {
                let versions = asked.entry(dependency.name.as_str()).or_default();
                versions.entry(&dependency.id).or_default().insert(package.name.as_str());
            }
        }
        let twice = asked.into_iter().filter(|(_, versions)| versions.len() > 1);
        twice
            .map(|(name, versions)| {
                let each: Vec<_> = versions
                    .iter()
                    .map(|(id, users)| {
                        let version = self.workspace.packages.get(*id).map(|package| package.version.to_string());
                        let users: Vec<_> = users.iter().map(|user| format!("`{user}`")).collect();
                        format!("{} by {}", version.unwrap_or_default(), users.join(", "))
                    })
                    .collect();
                Violation::new(
                    "crate-twice",
                    name,
                    format!("`{name}` is asked for in {} versions: {}", versions.len(), each.join("; ")),
                    "Cargo.lock",
                    "ask for one of them: a value of one version is of another type in the other",
                )
            })
            .collect()
    }

    /// Crates that several modules ask for, each of whose objects carries a copy that the base could have.
    fn carried_twice(&self) -> Vec<Violation> {
        let of_base = self.workspace.base_library();
        let mut carried: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for module in &self.modules {
            for dependency in self.direct(module).filter(|dependency| dependency.source.is_some()) {
                let is_macro = dependency.targets.iter().any(cargo_metadata::Target::is_proc_macro);
                if !is_macro && !of_base.contains(&dependency.id) {
                    carried.entry(dependency.name.as_str()).or_default().insert(module.name.as_str());
                }
            }
        }
        let several = carried.into_iter().filter(|(_, modules)| modules.len() > 1);
        several
            .map(|(name, modules)| {
                let modules: Vec<_> = modules.into_iter().map(|module| format!("`{module}`")).collect();
                Violation::new(
                    "carried-twice",
                    name,
                    format!("`{name}` is in the objects of {}, and not in the base", modules.join(", ")),
                    self.shown(&self.workspace.base.folder.join("Cargo.toml")),
                    format!("list `{name}` in the base, with `use {} as _;` in its main.rs: then it is linked once, and each module is linked faster", name.replace('-', "_")),
                )
            })
            .collect()
    }
}
