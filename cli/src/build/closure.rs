//! Which crates belong to the base library, and which a module's object carries.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};

use crate::build::Units;
use crate::failure::Failure;
use crate::record::{Call, Extern, Recording};
use crate::workspace::{Kind, Workspace};

/// The crates of a base and its modules, by the stem of their library's file.
#[derive(Debug)]
pub(crate) struct Closure {
    /// The call that compiles the base's binary.
    pub(crate) base: Call,
    /// What the base's binary names, without the modules.
    pub(crate) roots: Vec<Extern>,
    /// All crates of the base library.
    pub(crate) shared: BTreeSet<String>,
    /// The modules' units, by the name of the module's package.
    pub(crate) modules: BTreeMap<String, ModuleUnit>,
}

/// What a module's object is made of.
#[derive(Debug, Clone)]
pub(crate) struct ModuleUnit {
    /// The call that compiles the module's crate.
    pub(crate) call: Call,
    /// The crates that the object carries, without the module's own.
    pub(crate) carried: BTreeSet<String>,
    /// The crates that it finds in the base library.
    pub(crate) borrowed: BTreeSet<String>,
}

impl Closure {
    /// Follows the recorded calls from the base and from each module.
    pub(crate) fn of(workspace: &Workspace, units: &Units) -> Result<Self> {
        let mut calls = Calls { units, read: BTreeMap::new() };
        let base = Call::read(&Recording::executable(&units.calls))?;
        if base.codegen().any(|option| option == "panic=abort") {
            return Err(Failure::error(
                "panic-abort",
                "the profile says panic = \"abort\", and a base has to survive a module's panic",
                "remove `panic` from the profile in Cargo.toml",
            ));
        }
        let mut modules = BTreeMap::new();
        let mut roots = Vec::new();
        for one in base.externs() {
            let module = one.path.as_deref().and_then(|path| units.of(path)).and_then(|(stem, unit)| {
                let module = workspace.modules.values().find(|module| module.id == unit.package)?;
                Some((stem.to_owned(), module))
            });
            match module {
                Some((stem, module)) => {
                    modules.insert(module.name.clone(), stem);
                }
                None if one.path.is_some() => roots.push(one),
                None => {}
            }
        }
        let shared = calls.reached(roots.iter().filter_map(Extern::stem).collect())?;
        let in_base = workspace.modules.values().filter(|module| {
            shared.iter().any(|stem| units.by_stem.get(stem).is_some_and(|unit| unit.package == module.id))
        });
        if let Some(module) = in_base.into_iter().next() {
            return Err(Failure::error(
                "module-in-base",
                format!("the base's own crates depend on the module `{}`, which can then not be swapped", module.name),
                "let them call it through a contract",
            ));
        }
        let modules = modules
            .into_iter()
            .map(|(name, stem)| {
                let call = calls.call(&stem)?.clone();
                let all = calls.reached(call.externs().filter_map(|one| one.stem()).collect())?;
                let (borrowed, carried) = all.into_iter().partition(|stem| shared.contains(stem));
                Ok((name, ModuleUnit { call, carried, borrowed }))
            })
            .collect::<Result<_>>()?;
        Ok(Self { base, roots, shared, modules })
    }

    /// What a crate is for, as the label says it.
    pub(crate) fn kind(&self, workspace: &Workspace, units: &Units, stem: &str) -> bedplate::deploy::image::CrateKind {
        use bedplate::deploy::image::CrateKind;
        let is_contract =
            units.by_stem.get(stem).is_some_and(|unit| workspace.kind_of(&unit.package) == Some(Kind::Contract));
        let users = self.modules.values().filter(|module| module.carried.contains(stem)).count();
        match (is_contract, users) {
            (true, _) => CrateKind::Contract,
            (false, 0..=1) if !self.shared.contains(stem) => CrateKind::Private,
            (false, _) => CrateKind::Shared,
        }
    }
}

/// The recorded calls, each read once.
struct Calls<'u> {
    units: &'u Units,
    read: BTreeMap<String, Call>,
}

impl Calls<'_> {
    fn call(&mut self, stem: &str) -> Result<&Call> {
        if !self.read.contains_key(stem) {
            let call = Call::read(&Recording::library(&self.units.calls, stem)).with_context(|| {
                format!(
                    "`{stem}` was built without being recorded: remove the folder {}, and build again",
                    self.units.calls.parent().unwrap_or(&self.units.calls).display()
                )
            })?;
            self.read.insert(stem.to_owned(), call);
        }
        Ok(&self.read[stem])
    }

    /// These libraries and all that they depend on; procedural macros are not part of it.
    fn reached(&mut self, mut open: Vec<String>) -> Result<BTreeSet<String>> {
        let mut reached = BTreeSet::new();
        while let Some(stem) = open.pop() {
            if reached.contains(&stem) || !self.units.by_stem.contains_key(&stem) {
                continue;
            }
            open.extend(self.call(&stem)?.externs().filter_map(|one| one.stem()));
            reached.insert(stem);
        }
        Ok(reached)
    }
}
