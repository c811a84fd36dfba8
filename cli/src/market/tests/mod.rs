//! What can be said of lists without a file of them.

mod differences;
mod format;
mod picks;
mod project;

use std::path::Path;

use super::parse::{Root, parse};
use super::{Entry, List, Origin};
use crate::failure::Failure;

/// A list with these `[[starter]]` tables, from a folder `/lists`.
fn entries(tables: &str) -> anyhow::Result<Vec<Entry>> {
    parse(&format!("version = 1\n{tables}"), "market.toml", Root::Folder(Path::new("/lists")))
}

/// A starter with the keys that each has, and more of them.
fn starter(name: &str, more: &str) -> String {
    format!(
        "[[starter]]\nname = \"{name}\"\ncrate = \"starter-{name}\"\nversion = \"1.2\"\nabout = \"Does {name}\"\n\
         group = \"data\"\nbedplate = \"0.1\"\n{more}\n"
    )
}

fn list(name: &str, starters: &[String]) -> List {
    let origin = match name {
        super::BUILT_IN => Origin::BuiltIn,
        name => Origin::File { path: format!("/lists/{name}.toml").into() },
    };
    List { name: name.to_owned(), origin, pin: None, entries: entries(&starters.concat()).unwrap() }
}

fn failure<T: std::fmt::Debug>(result: anyhow::Result<T>) -> Failure {
    result.unwrap_err().downcast().expect("the tool's own failure")
}
