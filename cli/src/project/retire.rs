//! `module remove`: takes a module out that nobody uses, and says what it leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Result;
use clap::ArgMatches;
use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;
use crate::project::add::not_listed;
use crate::project::edit::Edit;
use crate::project::layout::{Project, Use, folder, resolve};
use crate::project::settings;
use crate::sources::{Declared, files};
use crate::suggest::quoted;
use crate::workspace::{Kind, Module, Workspace};

/// The scene that all modules are in, as long as there is one.
const SCENE: &str = "main";

/// Runs `module remove`.
pub(crate) fn run(matches: &ArgMatches, output: Output) -> Result<()> {
    let mut project = Project::open(matches)?;
    let name = matches.get_one::<String>("name").cloned().unwrap_or_default();
    let module = project.workspace.module(&name)?;
    let module_folder = module.folder.clone();
    let contracts = implemented(&project.workspace, module)?;
    must_be_unused(&project, &name, &contracts)?;

    let left = Left::of(&name, &module_folder);
    let mut edit = Edit::default();
    let root = project.workspace.root.clone();
    let mut removed = vec![name.clone()];
    let mut folders = vec![module_folder];
    for contract in contracts.keys() {
        let users = project.users_of(contract);
        let is_alone = users.keys().all(|user| *user == name || *user == project.workspace.base.name);
        let package = project.workspace.packages.values().find(|package| package.name.as_str() == contract);
        if let Some(package) = package.filter(|package| is_alone && package.source.is_none()) {
            removed.push(contract.clone());
            folders.push(folder(package));
        }
    }
    if !project.unlist(&name) {
        return Err(not_listed(&project, &name));
    }
    for (package, folder) in removed.iter().zip(&folders) {
        // A contract is listed by the workspace, and seldom by the base.
        project.unlist(package);
        project.root.unshare(package);
        if let Ok(member) = folder.strip_prefix(&root) {
            project.root.remove_member(&member.display().to_string());
            edit.remove_folder(folder, &root);
        }
    }
    project.write(&mut edit);
    let text = settings::read(&project.settings())?;
    let without = settings::without(&text, "modules", &name);
    if without != text {
        edit.write(project.settings(), without);
    }
    edit.must_be_clean(&root, matches.get_flag("allow-dirty"))?;
    edit.carry_out(|applied| resolve(&root, applied))?;
    output.line(format!("removed {}", quoted(removed.iter().map(String::as_str))));
    for line in left.lines() {
        output.line(format!("  {line}"));
    }
    output.object(&json!({ "version": 1, "removed": removed, "left": { "tables": left.tables, "jobs": left.jobs, "scenes": [SCENE] } }));
    Ok(())
}

/// Refuses a module that others use: by its crate, or by a contract that nobody else serves.
fn must_be_unused(project: &Project, name: &str, contracts: &BTreeMap<String, BTreeSet<String>>) -> Result<()> {
    let workspace = &project.workspace;
    let mut users: BTreeMap<String, String> = BTreeMap::new();
    let mut used = |package: &str, through: &str| {
        for (user, of) in project.users_of(package) {
            if user != name && user != workspace.base.name {
                let how = if of == Use::Tests { "in its tests, " } else { "" };
                users.entry(user).or_insert_with(|| format!("{how}{through}"));
            }
        }
    };
    used(name, "as a crate");
    for (contract, traits) in contracts {
        let others = workspace.modules.values().filter(|other| other.name != name);
        let mut is_served = false;
        for other in others {
            is_served |= implemented(workspace, other)?.get(contract).is_some_and(|served| served.is_superset(traits));
        }
        // Another publisher goes on serving it.
        if !is_served {
            used(contract, &format!("through {}", quoted(traits.iter().map(String::as_str))));
        }
    }
    if users.is_empty() {
        return Ok(());
    }
    let users: Vec<_> = users.into_iter().map(|(user, how)| format!("`{user}` ({how})")).collect();
    Err(Failure::error(
        "module-in-use",
        format!("the module `{name}` is used by {}", users.join(", ")),
        "take it out of them first, or let another module serve its contracts",
    ))
}

/// The contracts that a module publishes: the packages, with the traits of each.
fn implemented(workspace: &Workspace, module: &Module) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let Some(package) = workspace.packages.get(&module.id) else { return Ok(BTreeMap::new()) };
    let published = Declared::of(package)?.published;
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let links = workspace.links.get(&module.id).into_iter().flatten();
    for contract in links.filter(|id| workspace.kind_of(id) == Some(Kind::Contract)) {
        let Some(contract) = workspace.packages.get(contract) else { continue };
        let declared = Declared::of(contract)?.contracts;
        let served = published.iter().filter(|name| declared.contains(name)).cloned();
        let served: BTreeSet<_> = served.collect();
        if !served.is_empty() {
            found.insert(contract.name.to_string(), served);
        }
    }
    Ok(found)
}

/// What a module leaves behind, outside of the sources.
struct Left {
    name: String,
    tables: Vec<String>,
    jobs: Vec<String>,
}

impl Left {
    fn of(name: &str, folder: &Path) -> Self {
        let text = |below: &str, extension: &str| {
            let files = files(&folder.join(below), extension);
            files.iter().filter_map(|file| fs::read_to_string(file).ok()).collect::<Vec<_>>().join("\n")
        };
        Self { name: name.to_owned(), tables: tables(&text("migrations", "sql")), jobs: jobs(&text("src", "rs")) }
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.tables.is_empty() {
            lines.push(format!(
                "it leaves the tables {} in the database of `{}`: a file of `starters.sql.folder`, or a schema in PostgreSQL",
                self.tables.join(", "),
                self.name
            ));
        }
        if !self.jobs.is_empty() {
            lines.push(format!("it leaves the history of the jobs {}", self.jobs.join(", ")));
        }
        lines.push(format!(
            "a base that runs serves it in the scene {SCENE} until it is restarted, or: cargo bedplate uninstall {}",
            self.name
        ));
        lines
    }
}

/// The tables that SQL creates.
fn tables(text: &str) -> Vec<String> {
    let text: String =
        text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    let words: Vec<_> =
        text.split(|letter: char| letter.is_whitespace() || letter == '(').filter(|word| !word.is_empty()).collect();
    let mut found = BTreeSet::new();
    for (index, word) in words.iter().enumerate() {
        if word.eq_ignore_ascii_case("table")
            && index > 0
            && matches!(
                words[index - 1].to_ascii_lowercase().as_str(),
                "create" | "temp" | "temporary" | "unlogged" | "virtual"
            )
        {
            let name = words[index + 1..]
                .iter()
                .find(|word| !["if", "not", "exists"].contains(&word.to_ascii_lowercase().as_str()));
            found.extend(name.map(|name| name.trim_matches(['"', '`', ';']).to_owned()));
        }
    }
    found.into_iter().collect()
}

/// The names of the jobs that code registers: `.every("name", …)`, `.cron("name", …)`.
fn jobs(code: &str) -> Vec<String> {
    let mut found = BTreeSet::new();
    for call in [".every(\"", ".cron(\""] {
        found.extend(code.split(call).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned));
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_jobs_are_named() {
        let sql = "-- CREATE TABLE no (id);\nCREATE TABLE orders (id INTEGER);\nCREATE VIRTUAL TABLE words USING fts5(a);\ncreate table if not exists \"lines\"(a);\nALTER TABLE orders ADD x;";
        assert_eq!(tables(sql), ["lines", "orders", "words"]);
        assert_eq!(jobs("to.every(\"sweep\", d, self, f).cron(\"nightly\", e)"), ["nightly", "sweep"]);
    }
}
