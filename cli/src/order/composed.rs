//! What a base is composed of, as its own binary tells it.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use cargo_metadata::PackageId;
use clap::ArgMatches;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::build::{Lock, Workshop};
use crate::commands::arguments::{placed, selected};
use crate::failure::Failure;
use crate::output::Output;
use crate::running::Place;
use crate::workspace::Workspace;

/// The modules, starters and contracts of a base.
#[derive(Debug)]
pub(crate) struct Composed {
    pub(crate) base: String,
    pub(crate) modules: Vec<Module>,
    pub(crate) starters: Vec<Starter>,
    pub(crate) contracts: Vec<Contract>,
    /// What the base's own check has found.
    pub(crate) problems: Vec<Value>,
}

/// A module that is linked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) enabled: bool,
    pub(crate) summary: String,
    pub(crate) requires: Vec<Requirement>,
    pub(crate) site: Site,
}

/// Something that a module's field asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Requirement {
    pub(crate) what: String,
    pub(crate) need: String,
}

/// Where something stands in the sources.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Site {
    #[serde(rename = "crate")]
    pub(crate) package: String,
    pub(crate) file: String,
    pub(crate) line: u32,
}

/// A starter that is linked.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Starter {
    pub(crate) name: String,
    pub(crate) enabled: bool,
    #[serde(default)]
    pub(crate) provides: Vec<String>,
}

/// A contract in one version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Contract {
    #[serde(rename = "contract")]
    pub(crate) name: String,
    #[serde(rename = "crate")]
    pub(crate) package: String,
    pub(crate) version: String,
    pub(crate) docs: String,
    pub(crate) methods: Vec<Method>,
    pub(crate) publishers: Vec<String>,
    pub(crate) users: Vec<String>,
}

/// A method of a contract.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Method {
    pub(crate) name: String,
    pub(crate) signature: String,
    pub(crate) docs: String,
}

impl Composed {
    /// Builds the bundle, as far as it is not built, and asks its executable. It is not started.
    pub(crate) fn ask(matches: &ArgMatches, output: Output) -> Result<(Self, Workspace)> {
        let selection = selected(matches);
        let workspace = Workspace::read(&selection)?;
        let lock = Lock::take(&workspace, output)?;
        let workshop = Workshop::open(workspace, &selection, &lock, output)?;
        let objects = workshop.link_all(&workshop.checkout(), &lock, output)?;
        workshop.write_bundle(&workshop.bundle_folder(), &objects, &lock)?;
        drop(lock);
        let workspace = workshop.workspace;
        let place = placed(matches, &workspace);
        let composed = Self {
            base: workspace.base.name.clone(),
            modules: list(&place, "modules", "modules")?,
            starters: list(&place, "starters", "starters")?,
            contracts: list(&place, "services", "services")?,
            problems: problems(&place)?,
        };
        Ok((composed, workspace))
    }

    /// The contracts of this name, in all versions.
    pub(crate) fn named<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c Contract> {
        self.contracts.iter().filter(move |contract| contract.name == name || contract.package == name)
    }

    /// The modules that a change of a contract's crate would redeploy together: all that carry it.
    pub(crate) fn moved_by(&self, workspace: &Workspace, package: &str) -> BTreeSet<String> {
        let folder = |name: &str| {
            let package = workspace.packages.values().find(|package| package.name.as_str() == name)?;
            package.manifest_path.as_std_path().parent().map(Path::to_path_buf)
        };
        let Some(changed) = folder(package) else { return BTreeSet::new() };
        let carries = |module: &&Module| {
            workspace.modules.get(&module.site.package).is_some_and(|found| found.local.contains(&changed))
        };
        self.modules.iter().filter(carries).map(|module| module.name.clone()).collect()
    }

    /// Whether the base itself is built from a crate: then its change needs a base build.
    pub(crate) fn is_in_base(workspace: &Workspace, package: &str) -> bool {
        let is_it = |id: &&PackageId| workspace.packages.get(*id).is_some_and(|found| found.name.as_str() == package);
        workspace.base_library().iter().any(is_it)
    }
}

/// What the base's own check says is wrong.
fn problems(place: &Place) -> Result<Vec<Value>> {
    let mut base = Command::new(&place.executable);
    base.args(["check", "--json"]).args(place.arguments()).stdin(Stdio::null());
    let said = base.output().with_context(|| format!("{} cannot be run", place.executable.display()))?;
    let answer: Value = serde_json::from_slice(&said.stdout).unwrap_or_default();
    let problems = answer["error"]["problems"].as_array().or_else(|| answer["problems"].as_array());
    Ok(problems.cloned().unwrap_or_default())
}

/// A list that one of the commands of the base's binary writes.
fn list<T: DeserializeOwned>(place: &Place, command: &str, key: &str) -> Result<Vec<T>> {
    let mut base = Command::new(&place.executable);
    base.arg(command).arg("--json").args(place.arguments()).stdin(Stdio::null());
    let said = base.output().with_context(|| format!("{} cannot be run", place.executable.display()))?;
    let refused = || {
        let told = [&said.stdout, &said.stderr].map(|bytes| String::from_utf8_lossy(bytes).trim().to_owned());
        Failure::error(
            "not-composed",
            format!("`{command}` of the base's binary says no: {}", told.join("\n")),
            "mend what it names: `cargo bedplate check` says more",
        )
    };
    let mut answer: Value = serde_json::from_slice(&said.stdout).map_err(|_| refused())?;
    serde_json::from_value(answer[key].take()).map_err(|_| refused())
}
