//! `new`: a base of its own, in a workspace for its modules.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::Metadata;
use clap::ArgMatches;
use serde_json::json;

use crate::failure::Failure;
use crate::market::{Market, Pick, own_version};
use crate::output::Output;
use crate::project::bedplate::Bedplate;
use crate::project::edit::Edit;
use crate::project::{add, ask, layout, name, settings};

/// What a base begins with where nobody says otherwise.
const USUAL: [&str; 3] = ["http", "admin", "telemetry"];

const ROOT: &str = include_str!("../../templates/base/Cargo.toml.txt");
const BASE: &str = include_str!("../../templates/base/base.toml.txt");
const README: &str = include_str!("../../templates/base/README.md.txt");
const MAIN: &str = include_str!("../../../base-template/src/main.rs");
const CLIPPY: &str = include_str!("../../templates/clippy.toml");
const TOOLCHAIN: &str = include_str!("../../../rust-toolchain.toml");

/// Runs `new`.
pub(crate) fn run(matches: &ArgMatches, output: Output) -> Result<()> {
    let wanted = PathBuf::from(matches.get_one::<String>("name").map(String::as_str).unwrap_or_default());
    let last = wanted.file_name().map(|last| last.to_string_lossy().into_owned()).unwrap_or_default();
    name::check(&last, "a base")?;
    let folder = std::path::absolute(&wanted).with_context(|| format!("{} is no path", wanted.display()))?;
    must_be_free(&folder)?;
    let bedplate = Bedplate::wanted(matches.get_one::<String>("bedplate").map(String::as_str))?;
    let lists: Vec<_> = matches.get_many::<String>("list").into_iter().flatten().cloned().collect();
    let market = Market::open(None, &lists)?;
    let names = starters(matches, &market)?;
    let picks = market.resolve(&names, &[], &own_version())?;
    ask::confirm(&picks, matches.get_flag("yes"))?;
    for pick in picks.iter().filter(|pick| pick.needed_by.is_some()) {
        output.line(format!("`{}` comes along: `{}` needs it", pick.entry.name, pick.needed_by.unwrap_or_default()));
    }

    files(&folder, &last, &bedplate, &picks).carry_out(|applied| {
        let made = layout::resolve(&folder, applied)?;
        must_be_alone(&last, &made)?;
        add::agrees(&picks, &made)
    })?;
    let starters: Vec<_> = picks.iter().map(|pick| pick.entry.name.as_str()).collect();
    let with =
        if starters.is_empty() { "no starters".to_owned() } else { format!("the starters {}", starters.join(", ")) };
    output.line(format!("made {} with {with} ({})", folder.display(), bedplate.shown()));
    output.line(format!("  cd {}\n  cargo bedplate module new orders\n  cargo bedplate dev", wanted.display()));
    output.object(&json!({ "version": 1, "folder": folder, "base": last, "starters": starters }));
    Ok(())
}

/// Refuses a folder in which there is something.
fn must_be_free(folder: &Path) -> Result<()> {
    let taken = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(_) => true,
    };
    if taken {
        return Err(Failure::error(
            "taken",
            format!("{} is there already, and is not an empty folder", folder.display()),
            "another name; in a project of bedplate, `cargo bedplate module new` makes a module",
        ));
    }
    Ok(())
}

/// Refuses a name that a crate has which the base is built from.
fn must_be_alone(name: &str, made: &Metadata) -> Result<()> {
    if made.packages.iter().filter(|package| package.name.as_str() == name).count() < 2 {
        return Ok(());
    }
    Err(Failure::error("taken", format!("the base is built from a crate `{name}`"), "another name"))
}

fn starters(matches: &ArgMatches, market: &Market) -> Result<Vec<String>> {
    if let Some(named) = matches.get_many::<String>("starters") {
        return Ok(named.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect());
    }
    if !ask::somebody_answers() {
        return Ok(USUAL.map(str::to_owned).to_vec());
    }
    let choices: Vec<_> = market
        .lists
        .iter()
        .flat_map(|list| &list.entries)
        .map(|entry| (entry.name.clone(), entry.about.clone()))
        .collect();
    ask::pick("Which starters?", &choices, &USUAL)
}

fn files(folder: &Path, name: &str, bedplate: &Bedplate, picks: &[Pick<'_>]) -> Edit {
    let mut shared = vec![("bedplate".to_owned(), bedplate.dependency(Path::new("core")).to_string())];
    shared.extend(picks.iter().map(|pick| (pick.entry.package.clone(), bedplate.starter(pick.entry).to_string())));
    shared.sort();
    let shared: String =
        shared.into_iter().map(|(package, source)| format!("{package} = {}\n", source.trim())).collect();
    let mut listed: Vec<_> = picks.iter().map(|pick| pick.entry.package.as_str()).chain(["bedplate"]).collect();
    listed.sort_unstable();
    let listed: String = listed.into_iter().map(|package| format!("{package}.workspace = true\n")).collect();
    let names: Vec<_> = picks.iter().map(|pick| pick.entry.name.as_str()).collect();
    let mut of_base = settings::of_starters(&names);
    for pick in picks {
        of_base = settings::with_starter(&of_base, pick.entry);
    }
    let filled = |text: &str| {
        text.replace("{{name}}", name)
            .replace("{{rust-version}}", env!("CARGO_PKG_RUST_VERSION"))
            .replace("{{shared}}", shared.trim_end())
            .replace("{{starters}}", listed.trim_end())
            .replace("{{picked}}", &names.join(", "))
    };
    let mut edit = Edit::default();
    edit.write(folder.join("Cargo.toml"), filled(ROOT));
    edit.write(folder.join("README.md"), filled(README));
    edit.write(folder.join("clippy.toml"), CLIPPY);
    edit.write(folder.join("rust-toolchain.toml"), TOOLCHAIN);
    edit.write(folder.join(".gitignore"), "/target\nstate/\n");
    edit.write(folder.join("base/Cargo.toml"), filled(BASE));
    edit.write(folder.join("base/bedplate.toml"), of_base);
    edit.write(folder.join("base/src/main.rs"), MAIN);
    edit.watch(folder.join("Cargo.lock"));
    edit
}
