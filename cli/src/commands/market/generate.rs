//! `market generate`: makes a list.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ArgMatches;
use serde_json::json;

use super::counted;
use crate::failure::Failure;
use crate::file::{not_written, replace};
use crate::market::{Described, Made, Place, absolute, of_folders, relative, render};
use crate::output::Output;

/// `market generate`
pub(super) fn generate(matches: &ArgMatches, output: Output) -> Result<()> {
    let folders: Vec<PathBuf> = matches.get_many("folder").into_iter().flatten().cloned().collect();
    let here = env::current_dir()?;
    let first = folders.first().map_or_else(|| here.clone(), |folder| here.join(folder));
    let out = matches.get_one::<PathBuf>("out").map(|out| absolute(out, &here)).transpose()?;
    let beside = out.as_deref().and_then(Path::parent).unwrap_or(&here);
    let beside = beside.canonicalize().map_err(|error| {
        Failure::error("no-folder", format!("{}: {error}", beside.display()), "name a file in a folder that is there")
    })?;
    let described = of_folders(&folders, &Place::of(&first)?, output)?;
    let is_published = matches.get_flag("published");
    let made: Vec<Made> = described
        .into_iter()
        .map(|Described { entry, folder }| Made { path: (!is_published).then(|| relative(&folder, &beside)), entry })
        .collect();
    let text = render(&made);
    let starters = counted(made.len(), "starter");
    match &out {
        Some(file) => {
            replace(file, &text).map_err(|error| not_written(file, &error))?;
            output.line(format!("{}: {starters}", file.display()));
        }
        None => output.line(text.trim_end()),
    }
    let names: Vec<_> = made.iter().map(|made| &made.entry.name).collect();
    let text = out.is_none().then_some(&text);
    output.object(&json!({ "version": 1, "starters": names, "file": out, "text": text }));
    Ok(())
}
