//! Writes a base of many modules, each of many lines: records, workflows, prices, reports and imports, with
//! contracts between neighbours. What is written depends on the size alone.

mod base;
mod contract;
mod module;
mod names;

use std::path::Path;

use anyhow::{Result, ensure};
use clap::ArgMatches;

use crate::options::number_of;
use crate::project::{Project, write_if_changed};
use names::Names;

/// How large a base is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// How many modules it has, beside the one that measures.
    pub modules: usize,
    /// How many lines each has at least.
    pub lines: usize,
}

/// A base that was written.
#[derive(Debug, Clone)]
pub struct Generated {
    /// Where it is.
    pub project: Project,
    /// The names of its modules, beside the one that measures: each requires the one before it.
    pub modules: Vec<String>,
    /// The lines of Rust in all of them.
    pub lines: usize,
}

/// The module that measures: it serves `/ticker/longest`, the longest gap of a ticker of 1 ms, in microseconds, since
/// it was asked last.
pub const TICKER: &str = "ticker";

impl Plan {
    /// What the arguments of [`size`](crate::options::size) say.
    ///
    /// # Errors
    ///
    /// Where the base would have no module.
    pub fn of(matches: &ArgMatches) -> Result<Self> {
        let plan = Self {
            modules: usize::try_from(number_of(matches, "modules"))?,
            lines: usize::try_from(number_of(matches, "lines"))?,
        };
        ensure!((1..=1_000).contains(&plan.modules), "--modules: from 1 to 1000");
        ensure!(plan.lines <= 100_000, "--lines: up to 100000");
        Ok(plan)
    }
}

/// Writes a base into a folder. What is there and says the same is left alone.
///
/// # Errors
///
/// Where a file cannot be written.
pub fn generate(folder: &Path, plan: &Plan) -> Result<Generated> {
    let names: Vec<_> = (0..plan.modules).map(Names::of).collect();
    let mut files = base::files(&names);
    let mut members = vec!["base".to_owned(), format!("modules/{TICKER}")];
    let mut lines = 0;
    for (index, own) in names.iter().enumerate() {
        let neighbour = index.checked_sub(1).and_then(|before| names.get(before));
        members.push(format!("contracts/{}", own.module));
        members.push(format!("modules/{}", own.module));
        files.extend(contract::files(own));
        let module = module::files(own, neighbour, plan.lines);
        lines += module
            .iter()
            .filter(|(file, _)| file.ends_with(".rs"))
            .map(|(_, text)| text.lines().count())
            .sum::<usize>();
        files.extend(module);
    }
    Project::write_workspace(folder, &members)?;
    for (file, text) in &files {
        write_if_changed(&folder.join(file), text)?;
    }
    let project = Project { root: folder.to_owned(), base: base::PACKAGE.to_owned(), base_folder: "base".into() };
    Ok(Generated { project, modules: names.into_iter().map(|names| names.module).collect(), lines })
}

/// A file, from the workspace's folder, and what is in it.
type File = (String, String);

/// What is the same in every `Cargo.toml`.
fn package(name: &str, description: &str, kind: Option<&str>) -> String {
    let kind = kind.map(|kind| format!("\n[package.metadata.bedplate]\nkind = \"{kind}\"\n")).unwrap_or_default();
    format!(
        "[package]\nname = \"{name}\"\ndescription = \"{description}\"\nversion = \"0.1.0\"\n\
         edition.workspace = true\nrust-version.workspace = true\npublish = false\n{kind}\n[dependencies]\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_has_its_lines_and_its_own_names() {
        let names: Vec<_> = (0..45).map(Names::of).collect();
        let mut unique: Vec<_> = names.iter().map(|names| names.module.as_str()).collect();
        unique.sort_unstable();
        unique.dedup();
        assert_eq!(unique.len(), names.len());
        for lines in [0, 200, 5_000] {
            let files = module::files(&names[3], Some(&names[2]), lines);
            let written: usize = files.iter().map(|(_, text)| text.lines().count()).sum();
            assert!((lines..lines + 400).contains(&written), "{written} lines for {lines}");
            let mut paths: Vec<_> = files.iter().map(|(file, _)| file).collect();
            paths.sort_unstable();
            paths.dedup();
            assert_eq!(paths.len(), files.len(), "no file is written twice");
        }
    }

    #[test]
    fn nothing_of_a_template_is_left() {
        let names: Vec<_> = (0..2).map(Names::of).collect();
        let files = module::files(&names[1], Some(&names[0]), 2_000);
        for (file, text) in files.iter().chain(&contract::files(&names[1])).chain(&base::files(&names)) {
            assert!(!text.contains("Subject") && !text.contains("subject"), "{file}");
        }
    }
}
