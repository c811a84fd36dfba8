//! What a base is composed of: linked, enabled, skipped, and why.

use std::fmt;

use serde::Serialize;

use crate::base::{Assembly, Kind, Linked};
use crate::descriptors::{Presence, Site};
use crate::module::{ModuleSpec, Need, RequiredKind};

/// What a base is composed of.
#[derive(Debug, Clone, Serialize)]
pub struct CompositionReport {
    /// The version of the report's format.
    pub version: u32,
    /// The linked starters, by name.
    pub starters: Vec<StarterInfo>,
    /// The linked modules, by name.
    pub modules: Vec<LinkedModule>,
    /// Dependencies of the base that are starters or modules and are not part of this build.
    pub skipped: Vec<SkippedCrate>,
}

/// A linked starter.
#[derive(Debug, Clone, Serialize)]
pub struct StarterInfo {
    /// Its name.
    pub name: &'static str,
    /// The first paragraph of its doc comment.
    pub summary: &'static str,
    /// Where it was registered.
    pub site: Site,
    /// Whether settings let it start.
    pub enabled: bool,
    /// Why it is not enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// The types that it hands to modules.
    pub provides: Vec<&'static str>,
    /// The exports of modules that it reads.
    pub reads: Vec<&'static str>,
}

/// A linked module.
#[derive(Debug, Clone, Serialize)]
pub struct LinkedModule {
    /// Its name.
    pub name: String,
    /// The first paragraph of its doc comment.
    pub summary: &'static str,
    /// Where it was registered.
    pub site: Site,
    /// Whether the base can do without it, as the module says.
    pub presence: Presence,
    /// Whether settings let it start.
    pub enabled: bool,
    /// Why it is not enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<String>,
    /// What it requires of other modules and of starters.
    pub requires: Vec<RequirementInfo>,
    /// The contracts that it publishes.
    pub publishes: Vec<&'static str>,
}

/// One requirement of a module.
#[derive(Debug, Clone, Serialize)]
pub struct RequirementInfo {
    /// The field.
    pub field: &'static str,
    /// The contract or the type of the handle.
    pub what: &'static str,
    /// How much it is needed.
    pub need: Need,
}

/// A dependency that is not part of this build.
#[derive(Debug, Clone, Serialize)]
pub struct SkippedCrate {
    /// The package.
    pub package: &'static str,
    /// Whether it is a starter or a module.
    pub kind: Kind,
    /// Why it is not part of the build.
    pub reason: &'static str,
}

impl CompositionReport {
    pub(super) fn of(assembly: &Assembly) -> Self {
        let off = |table: &str, name: &str| format!("`enabled = false` under `[{table}.{name}]`");
        let mut starters: Vec<_> = assembly
            .starters
            .iter()
            .map(|starter| {
                let enabled = assembly.is_starter_enabled(starter);
                StarterInfo {
                    name: starter.name,
                    summary: starter.summary,
                    site: starter.site,
                    enabled,
                    skipped: (!enabled).then(|| off("starters", starter.name)),
                    provides: starter.provides.iter().map(|handle| (handle.type_name)()).collect(),
                    reads: starter.reads.iter().map(|export| (export.type_name)()).collect(),
                }
            })
            .collect();
        starters.sort_by_key(|starter| starter.name);
        let mut modules: Vec<_> = assembly
            .modules
            .iter()
            .map(|module| {
                let enabled = assembly.is_module_enabled(module);
                LinkedModule {
                    name: module.name.to_string(),
                    summary: module.summary,
                    site: module.site,
                    presence: module.presence,
                    enabled,
                    skipped: (!enabled).then(|| off("modules", module.name.as_str())),
                    requires: requirements(module),
                    publishes: module.publishes.iter().map(|published| published.contract.name).collect(),
                }
            })
            .collect();
        modules.sort_by(|one, other| one.name.cmp(&other.name));
        let listed = assembly.info.map_or(&[][..], |info| info.listed);
        let skipped = listed
            .iter()
            .filter(|listed| listed.linked == Linked::NotEnabled)
            .map(|listed| SkippedCrate {
                package: listed.package,
                kind: listed.kind,
                reason: "an optional dependency whose feature is off, or one for another platform",
            })
            .collect();
        Self { version: 1, starters, modules, skipped }
    }

    /// Writes the report to the log, a line for each starter and module.
    pub(super) fn log(&self) {
        for line in self.to_string().lines() {
            tracing::info!(target: "bedplate::composition", "{line}");
        }
    }
}

fn requirements(module: &ModuleSpec) -> Vec<RequirementInfo> {
    module
        .requirements
        .as_slice()
        .iter()
        .filter_map(|required| match &required.kind {
            RequiredKind::Service { contract, need, .. } => {
                Some(RequirementInfo { field: required.field.name, what: contract.name, need: *need })
            }
            RequiredKind::Handle { type_name, need, .. } => {
                Some(RequirementInfo { field: required.field.name, what: type_name, need: *need })
            }
            RequiredKind::Settings(_) | RequiredKind::Context => None,
        })
        .collect()
}

impl fmt::Display for CompositionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for starter in &self.starters {
            let state = starter.skipped.as_ref().map_or("enabled".to_owned(), |reason| format!("skipped: {reason}"));
            writeln!(f, "starter {} {}: {state}", starter.name, starter.site.version)?;
        }
        for module in &self.modules {
            let state = module.skipped.as_ref().map_or("enabled".to_owned(), |reason| format!("skipped: {reason}"));
            writeln!(f, "module {} {}: {state}", module.name, module.site.version)?;
        }
        for skipped in &self.skipped {
            writeln!(f, "not in this build: {} ({})", skipped.package, skipped.reason)?;
        }
        Ok(())
    }
}
