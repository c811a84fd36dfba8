//! `module new`: a contract, a module that serves it, and a test.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Result;
use clap::ArgMatches;
use serde_json::json;
use toml_edit::InlineTable;

use crate::failure::Failure;
use crate::market::{Entry, Market};
use crate::output::Output;
use crate::project::bedplate::Bedplate;
use crate::project::edit::Edit;
use crate::project::layout::{Project, relative, resolve};
use crate::project::manifest::{Heads, at};
use crate::project::name;

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

/// A crate of others that a new module uses, as it would be written by hand.
struct Crate {
    name: &'static str,
    version: &'static str,
    features: &'static str,
}

const AXUM: Crate = Crate { name: "axum", version: "0.8", features: r#""json""# };
const SQLX: Crate = Crate { name: "sqlx", version: "0.9", features: r#""macros", "migrate""# };

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
    let bedplate = Bedplate::of(&project)?;

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
    for Crate { name, version, .. } in kind.crates() {
        let mut source = InlineTable::new();
        source.insert("version", (*version).into());
        source.insert("default-features", false.into());
        project.root.share(name, source.into());
    }
    project.base().add(&name, at(&relative(&base_folder, &module_folder)));

    let heads = Heads::of(&project.root);
    let filled = |text: &str| fill(&heads.fill(text), &name, kind);
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
    edit.carry_out(|applied| resolve(&root, applied))?;
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

    fn crates(self) -> &'static [Crate] {
        match self {
            Self::Plain => &[],
            Self::Web => &[AXUM],
            Self::Stored => &[AXUM, SQLX],
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

fn fill(text: &str, name: &str, shape: Shape) -> String {
    let mut dependencies: Vec<String> =
        vec!["bedplate.workspace = true".to_owned(), format!("{name}-contract.workspace = true")];
    // What the workspace shares may have fewer features.
    let crates = shape.crates().iter();
    dependencies.extend(
        crates.map(|Crate { name, features, .. }| format!("{name} = {{ workspace = true, features = [{features}] }}")),
    );
    dependencies.extend(shape.starters().iter().map(|starter| format!("bedplate-starter-{starter}.workspace = true")));
    dependencies.sort();
    let mut for_tests = vec![r#"bedplate = { workspace = true, features = ["testing"] }"#.to_owned()];
    if shape != Shape::Plain {
        for_tests.push(r#"bedplate-starter-http = { workspace = true, features = ["testing"] }"#.to_owned());
    }
    text.replace("{{name}}", name)
        .replace("{{crate}}", &name.replace('-', "_"))
        .replace("{{Type}}", &name::type_name(name))
        .replace("{{dependencies}}", &dependencies.join("\n"))
        .replace("{{dev-dependencies}}", &for_tests.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_shows_what_its_base_has() {
        let of = |names: &[&str]| Shape::of(&names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(of(&["admin"]), Shape::Plain);
        assert_eq!(of(&["http"]), Shape::Web);
        assert_eq!(of(&["http", "sql"]), Shape::Stored);
        assert_eq!(of(&["sql"]), Shape::Plain);
    }
}
