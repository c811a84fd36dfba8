//! `starter new`: a starter that passes its own conformance test.

use std::path::Path;

use anyhow::Result;
use clap::ArgMatches;
use serde_json::json;

use crate::failure::Failure;
use crate::output::Output;
use crate::project::bedplate::Bedplate;
use crate::project::edit::Edit;
use crate::project::layout::{Project, resolve};
use crate::project::manifest::{Heads, at};
use crate::project::name;

const MANIFEST: &str = include_str!("../../templates/starter/starter.toml.txt");
const SOURCE: &str = include_str!("../../templates/starter/starter.rs.txt");
const TEST: &str = include_str!("../../templates/starter/conformance.rs.txt");

/// Runs `starter new`.
pub(crate) fn run(matches: &ArgMatches, output: Output) -> Result<()> {
    let mut project = Project::open(matches)?;
    let name = matches.get_one::<String>("name").cloned().unwrap_or_default();
    name::check(&name, "a starter")?;
    let package = format!("bedplate-starter-{name}");
    let root = project.workspace.root.clone();
    let folder = root.join("starters").join(&name);
    let is_package = |one: &cargo_metadata::Package| one.name.as_str() == package;
    if folder.exists() || project.workspace.packages.values().any(is_package) {
        return Err(Failure::error("taken", format!("the workspace has a starter `{name}` already"), "another name"));
    }
    let bedplate = Bedplate::of(&project)?;
    project.root.add_member(&format!("starters/{name}"));
    project.root.share("bedplate", bedplate.dependency(Path::new("core")));
    project.list(&package, at(&Path::new("starters").join(&name)));

    let heads = Heads::of(&project.root);
    let filled = |text: &str| {
        heads
            .fill(text)
            .replace("{{name}}", &name)
            .replace("{{crate}}", &package.replace('-', "_"))
            .replace("{{Type}}", &name::type_name(&name))
    };
    let mut edit = Edit::default();
    project.write(&mut edit);
    edit.write(folder.join("Cargo.toml"), filled(MANIFEST));
    edit.write(folder.join("src/lib.rs"), filled(SOURCE));
    edit.write(folder.join("tests/conformance.rs"), filled(TEST));
    edit.must_be_clean(&root, matches.get_flag("allow-dirty"))?;
    edit.carry_out(|applied| resolve(&root, applied))?;
    output.line(format!("made starters/{name}, and listed it in `{}`", project.workspace.base.name));
    output.line(format!("  cargo test -p {package}"));
    output.object(&json!({ "version": 1, "starter": name, "package": package, "folder": folder }));
    Ok(())
}
