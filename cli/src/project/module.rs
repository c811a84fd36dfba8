//! `module new` and `module remove`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::ArgMatches;
use serde_json::json;
use toml_edit::Value;

use crate::failure::Failure;
use crate::market::{Entry, Market};
use crate::output::Output;
use crate::project::bedplate::Bedplate;
use crate::project::edit::Edit;
use crate::project::layout::{Project, folder, relative, resolve};
use crate::project::manifest::at;
use crate::project::{name, settings};
use crate::suggest::quoted;
use crate::workspace::{Kind, Workspace};

const CONTRACT: &str = include_str!("../../templates/module/contract.toml.txt");
const CONTRACT_SOURCE: &str = include_str!("../../templates/module/contract.rs.txt");
const MODULE: &str = include_str!("../../templates/module/module.toml.txt");
const PLAIN: &str = include_str!("../../templates/module/plain.rs.txt");
const PLAIN_TEST: &str = include_str!("../../templates/module/plain_test.rs.txt");
const WEB: &str = include_str!("../../templates/module/web.rs.txt");
const WEB_TEST: &str = include_str!("../../templates/module/web_test.rs.txt");
const STORED: &str = include_str!("../../templates/module/stored.rs.txt");
const STORED_TEST: &str = include_str!("../../templates/module/stored_test.rs.txt");
const MIGRATION: &str = include_str!("../../templates/module/migration.sql.txt");

/// Crates of others that a new module uses, as it would be written by hand.
const AXUM: &str = r#"{ version = "0.8", default-features = false, features = ["json"] }"#;
const SQLX: &str = r#"{ version = "0.9", default-features = false, features = ["macros", "migrate"] }"#;

/// Runs `module new`.
pub(crate) fn run(matches: &ArgMatches, output: Output) -> Result<()> {
    let mut project = Project::open(matches)?;
    let name = matches.get_one::<String>("name").cloned().unwrap_or_default();
    name::check(&name, "a module")?;
    let contract = format!("{name}-contract");
    let taken = [&name, &contract]
        .into_iter()
        .find(|name| project.workspace.packages.values().any(|package| package.name.as_str() == **name));
    if let Some(taken) = taken {
        return Err(Failure::error("taken", format!("the workspace has a package `{taken}` already"), "another name"));
    }
    let root = project.workspace.root.clone();
    let folders = [root.join("modules").join(&name), root.join("contracts").join(&name)];
    if let Some(folder) = folders.iter().find(|folder| folder.exists()) {
        return Err(Failure::error("taken", format!("{} is there already", folder.display()), "another name"));
    }
    let [module_folder, contract_folder] = folders;
    let starters: BTreeSet<String> = project.starters().into_keys().collect();
    let kind = Shape::of(&starters);
    let bedplate = Bedplate::of(&project.workspace)?;

    let base_folder = project.workspace.base.folder.clone();
    project.root.add_member(&format!("contracts/{name}"));
    project.root.add_member(&format!("modules/{name}"));
    project.root.share("bedplate", bedplate.dependency(Path::new("core")));
    project.root.share(&contract, at(&Path::new("contracts").join(&name)));
    let market = Market::open(None, &[])?;
    for starter in kind.starters() {
        let (_, entry): (_, &Entry) = market.find(starter)?;
        project.root.share(&entry.package, bedplate.starter(entry));
    }
    for (package, source) in kind.crates() {
        project.root.share(package, source.parse::<Value>().context("it is a value of TOML")?);
    }
    project.base().add(&name, at(&relative(&base_folder, &module_folder)));

    let filled = |text: &str| fill(text, &name, &kind);
    let mut edit = Edit::default();
    project.write(&mut edit);
    edit.write(contract_folder.join("Cargo.toml"), filled(CONTRACT));
    edit.write(contract_folder.join("src/lib.rs"), filled(CONTRACT_SOURCE));
    edit.write(module_folder.join("Cargo.toml"), filled(MODULE));
    let (source, test) = kind.sources();
    edit.write(module_folder.join("src/lib.rs"), filled(source));
    edit.write(module_folder.join("tests").join(format!("{}.rs", name.replace('-', "_"))), filled(test));
    if kind == Shape::Stored {
        edit.write(module_folder.join("migrations/0001_entries.sql"), filled(MIGRATION));
    }
    edit.must_be_clean(&root, matches.get_flag("allow-dirty"))?;
    let applied = edit.apply()?;
    resolve(&root, &applied)?;
    applied.keep()?;
    output.line(format!(
        "made modules/{name} and contracts/{name}, and listed the module in `{}`",
        project.workspace.base.name
    ));
    output.line(format!("  cargo test -p {name}\n  cargo bedplate dev"));
    if let Some(route) = kind.route(&name) {
        output.line(format!("  curl http://127.0.0.1:8080{route}"));
    }
    output.object(&json!({
        "version": 1, "module": name, "folder": module_folder, "contract": contract_folder, "route": kind.route(&name),
    }));
    Ok(())
}

/// What a new module shows, by what its base has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// A contract alone.
    Plain,
    /// A route as well.
    Web,
    /// A route and a table.
    Stored,
}

impl Shape {
    fn of(starters: &BTreeSet<String>) -> Self {
        match (starters.contains("http"), starters.contains("sql")) {
            (true, true) => Self::Stored,
            (true, false) => Self::Web,
            (false, _) => Self::Plain,
        }
    }

    fn starters(self) -> &'static [&'static str] {
        match self {
            Self::Plain => &[],
            Self::Web => &["http"],
            Self::Stored => &["http", "sql"],
        }
    }

    fn crates(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Plain => &[],
            Self::Web => &[("axum", AXUM)],
            Self::Stored => &[("axum", AXUM), ("sqlx", SQLX)],
        }
    }

    fn sources(self) -> (&'static str, &'static str) {
        match self {
            Self::Plain => (PLAIN, PLAIN_TEST),
            Self::Web => (WEB, WEB_TEST),
            Self::Stored => (STORED, STORED_TEST),
        }
    }

    fn route(self, name: &str) -> Option<String> {
        (self != Self::Plain).then(|| format!("/{name}"))
    }
}

fn fill(text: &str, name: &str, shape: &Shape) -> String {
    let mut dependencies: Vec<String> =
        vec!["bedplate.workspace = true".to_owned(), format!("{name}-contract.workspace = true")];
    dependencies.extend(shape.crates().iter().map(|(package, _)| format!("{package}.workspace = true")));
    dependencies.extend(shape.starters().iter().map(|starter| format!("bedplate-starter-{starter}.workspace = true")));
    dependencies.sort();
    let mut for_tests = vec![r#"bedplate = { workspace = true, features = ["testing"] }"#.to_owned()];
    if *shape != Shape::Plain {
        for_tests.push(r#"bedplate-starter-http = { workspace = true, features = ["testing"] }"#.to_owned());
    }
    text.replace("{{name}}", name)
        .replace("{{crate}}", &name.replace('-', "_"))
        .replace("{{Type}}", &name::type_name(name))
        .replace("{{dependencies}}", &dependencies.join("\n"))
        .replace("{{dev-dependencies}}", &for_tests.join("\n"))
}

/// Runs `module remove`.
pub(crate) fn remove(matches: &ArgMatches, output: Output) -> Result<()> {
    let mut project = Project::open(matches)?;
    let name = matches.get_one::<String>("name").cloned().unwrap_or_default();
    let module = project.workspace.module(&name)?;
    let (id, module_folder) = (module.id.clone(), module.folder.clone());
    let workspace = &project.workspace;
    // The contracts that it implements are those whose trait stands behind `#[scene_service] impl`.
    let contracts = implemented(workspace, &id, &module_folder)?;
    let mut users = dependents(workspace, &name);
    users.remove(&workspace.base.name);
    for contract in contracts.values() {
        users.extend(dependents(workspace, contract));
        let others = workspace.modules.values().filter(|other| other.name != name);
        for other in others {
            // Another publisher goes on serving it.
            if implemented(workspace, &other.id, &other.folder)?.values().any(|served| served == contract) {
                dependents(workspace, contract).iter().for_each(|user| {
                    users.remove(user);
                });
            }
        }
    }
    users.remove(&name);
    if !users.is_empty() {
        return Err(Failure::error(
            "module-in-use",
            format!("the module `{name}` is used by {}", quoted(users.iter().map(String::as_str))),
            "take it out of them first, or let another module serve its contracts",
        ));
    }

    let left = Left::of(&name, &module_folder);
    let mut edit = Edit::default();
    let root = project.workspace.root.clone();
    let mut removed = vec![name.clone()];
    let mut folders = vec![module_folder.clone()];
    for contract in contracts.values() {
        let alone = dependents(&project.workspace, contract).iter().all(|user| *user == name);
        let package = project.workspace.packages.values().find(|package| package.name.as_str() == contract);
        if let Some(package) = package.filter(|package| alone && package.source.is_none()) {
            removed.push(contract.clone());
            folders.push(folder(package));
        }
    }
    for (package, folder) in removed.iter().zip(&folders) {
        project.base().remove(package);
        project.root.unshare(package);
        if let Ok(member) = folder.strip_prefix(&root) {
            project.root.remove_member(&member.display().to_string());
            edit.remove_folder(folder);
        }
    }
    project.write(&mut edit);
    let text = fs::read_to_string(project.settings()).unwrap_or_default();
    let without = settings::without(&text, "modules", &name);
    if without != text {
        edit.write(project.settings(), without);
    }
    edit.must_be_clean(&root, matches.get_flag("allow-dirty"))?;
    let applied = edit.apply()?;
    resolve(&root, &applied)?;
    applied.keep()?;
    output.line(format!("removed {}", quoted(removed.iter().map(String::as_str))));
    for line in left.lines() {
        output.line(format!("  {line}"));
    }
    output.object(&json!({ "version": 1, "removed": removed, "left": { "tables": left.tables, "jobs": left.jobs, "scenes": ["main"] } }));
    Ok(())
}

/// The packages of this workspace that depend on one of them, for their tests aside.
fn dependents(workspace: &Workspace, name: &str) -> BTreeSet<String> {
    let depends = |links: &[cargo_metadata::PackageId]| {
        links.iter().filter_map(|id| workspace.packages.get(id)).any(|link| link.name.as_str() == name)
    };
    let users = workspace.links.iter().filter(|(_, links)| depends(links));
    users.filter_map(|(id, _)| workspace.packages.get(id)).map(|package| package.name.to_string()).collect()
}

/// The traits that a module publishes, with the packages of their contracts.
fn implemented(
    workspace: &Workspace,
    id: &cargo_metadata::PackageId,
    folder: &Path,
) -> Result<BTreeMap<String, String>> {
    let contracts: Vec<_> = workspace
        .links
        .get(id)
        .into_iter()
        .flatten()
        .filter(|id| workspace.kind_of(id) == Some(Kind::Contract))
        .filter_map(|id| workspace.packages.get(id))
        .collect();
    let mut found = BTreeMap::new();
    for file in sources(&folder.join("src"))? {
        let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        let Ok(parsed) = syn::parse_file(&text) else { continue };
        for item in &parsed.items {
            let syn::Item::Impl(item) = item else { continue };
            let is_service = item
                .attrs
                .iter()
                .any(|attribute| attribute.path().segments.last().is_some_and(|last| last.ident == "scene_service"));
            let Some(name) = item.trait_.as_ref().and_then(|(path, _)| path.segments.last()) else { continue };
            if !is_service {
                continue;
            }
            for contract in &contracts {
                let about = self::folder(contract).join("src/lib.rs");
                let declares =
                    fs::read_to_string(about).is_ok_and(|text| text.contains(&format!("trait {}", name.ident)));
                if declares {
                    found.insert(name.ident.to_string(), contract.name.to_string());
                }
            }
        }
    }
    Ok(found)
}

fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        let entries = fs::read_dir(&next).with_context(|| format!("{} cannot be read", next.display()))?;
        for entry in entries.flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(path),
                Ok(_) if path.extension().is_some_and(|end| end == "rs" || end == "sql") => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
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
        let migrations = sources(&folder.join("migrations")).unwrap_or_default();
        let text: String =
            migrations.iter().filter_map(|file| fs::read_to_string(file).ok()).collect::<Vec<_>>().join("\n");
        let code = sources(&folder.join("src")).unwrap_or_default();
        let code: String = code.iter().filter_map(|file| fs::read_to_string(file).ok()).collect::<Vec<_>>().join("\n");
        Self { name: name.to_owned(), tables: tables(&text), jobs: jobs(&code) }
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
            "a base that runs serves it in the scene main until it is restarted, or: uninstall {}",
            self.name
        ));
        lines
    }
}

/// The tables that SQL creates.
fn tables(text: &str) -> Vec<String> {
    let words: Vec<_> =
        text.split(|letter: char| letter.is_whitespace() || letter == '(').filter(|word| !word.is_empty()).collect();
    let mut found = BTreeSet::new();
    for (index, word) in words.iter().enumerate() {
        if word.eq_ignore_ascii_case("table")
            && index > 0
            && matches!(words[index - 1].to_ascii_lowercase().as_str(), "create" | "temp" | "temporary")
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
        let sql =
            "CREATE TABLE orders (id INTEGER);\ncreate table if not exists \"lines\"(a);\nALTER TABLE orders ADD x;";
        assert_eq!(tables(sql), ["lines", "orders"]);
        assert_eq!(jobs("to.every(\"sweep\", d, self, f).cron(\"nightly\", e)"), ["nightly", "sweep"]);
    }

    #[test]
    fn a_module_shows_what_its_base_has() {
        let of = |names: &[&str]| Shape::of(&names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(of(&["admin"]), Shape::Plain);
        assert_eq!(of(&["http"]), Shape::Web);
        assert_eq!(of(&["http", "sql"]), Shape::Stored);
        assert_eq!(of(&["sql"]), Shape::Plain);
    }
}
