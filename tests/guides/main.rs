//! The guides of `docs/`, followed to the letter outside of the repository: every command is run, every file is written
//! and built, and what a command is shown to say it says. docs/README.md has the rules that a guide is written by.

#![allow(clippy::unwrap_used, reason = "tests")]

mod follow;
mod markdown;
mod shell;

use std::fs;
use std::path::Path;

use bedplate_tests::tool;

use crate::follow::follow;
use crate::markdown::{Guide, section};

fn docs(name: &str) -> std::path::PathBuf {
    tool::repository().join("docs").join(name)
}

fn read(file: &Path) -> Guide {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    Guide::parse(&file.display().to_string(), &text)
}

#[test]
fn write_a_module() {
    follow(&read(&docs("write-a-module.md")));
}

/// The reference goes on where the guide ends.
#[test]
fn write_a_starter() {
    let (mut guide, reference) = (read(&docs("write-a-starter.md")), read(&docs("starter-hooks.md")));
    guide.go_on(reference);
    follow(&guide);
}

/// What the reference lists are the hooks that there are, as they are.
#[test]
fn the_hooks_are_those_of_the_trait() {
    let reference = fs::read_to_string(docs("starter-hooks.md")).unwrap();
    let block = section(&reference, "## The trait").split("```").nth(1).expect("it shows the trait");
    let shown: Vec<_> =
        block.lines().map(str::trim).filter(|line| line.starts_with("fn ") || line.starts_with("type ")).collect();
    let code = fs::read_to_string(tool::repository().join("core/src/starter/lifecycle.rs")).unwrap();
    let (code, _) = code.split_once("\n}\n").expect("the trait ends");
    let there = code.lines().map(|line| line.trim().trim_end_matches(" {"));
    let there: Vec<_> = there.filter(|line| line.starts_with("fn ") || line.starts_with("type ")).collect();
    assert_eq!(shown, there);
}

#[test]
fn own_a_base() {
    follow(&read(&docs("own-a-base.md")));
}

#[test]
fn operate() {
    follow(&read(&docs("operate.md")));
}

#[test]
fn upgrade() {
    follow(&read(&docs("upgrade.md")));
}

#[test]
fn the_readme_makes_a_base() {
    let file = tool::repository().join("README.md");
    let text = fs::read_to_string(&file).unwrap();
    follow(&Guide::parse("README.md", section(&text, "## A base of your own")));
}

/// A guide that nobody follows rots.
#[test]
fn no_guide_is_left_out() {
    let mut found: Vec<_> = fs::read_dir(docs("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    found.retain(|name| Path::new(name).extension().is_some_and(|extension| extension == "md"));
    found.sort();
    let names = [
        "README.md",
        "operate.md",
        "own-a-base.md",
        "starter-hooks.md",
        "upgrade.md",
        "write-a-module.md",
        "write-a-starter.md",
    ];
    assert_eq!(found, names, "each guide has a test of its own here");
    // The index has nothing to run, and keeps to the rules all the same.
    assert!(read(&docs("README.md")).steps.is_empty());
}
