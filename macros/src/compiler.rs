//! What rustc was asked to compile, read from its own arguments: macros run inside its process.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs};

/// The arguments that matter here. All empty inside an editor's macro server, which has none.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Invocation {
    /// The names given with `--extern`: the direct dependencies that are part of this build.
    pub(crate) externs: BTreeSet<String>,
    /// The crate's root file.
    pub(crate) root: Option<PathBuf>,
    /// The target, where it was named.
    pub(crate) target: Option<String>,
}

/// The invocation that this process is.
pub(crate) fn invocation() -> &'static Invocation {
    static INVOCATION: OnceLock<Invocation> = OnceLock::new();
    INVOCATION.get_or_init(|| Invocation::parse(env::args().skip(1).flat_map(expand_file)))
}

/// Whether this is the compiler: an editor's macro server is no place to ask about a whole crate.
pub(crate) fn is_compiler() -> bool {
    !invocation().externs.is_empty()
}

impl Invocation {
    fn parse(arguments: impl IntoIterator<Item = String>) -> Self {
        let mut invocation = Self::default();
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if let Some(value) = option(&argument, "--extern", &mut arguments) {
                invocation.externs.insert(extern_name(&value).to_owned());
            } else if let Some(value) = option(&argument, "--target", &mut arguments) {
                invocation.target = Some(value);
            } else if !argument.starts_with('-')
                && Path::new(&argument).extension().is_some_and(|extension| extension == "rs")
                && invocation.root.is_none()
            {
                invocation.root = Some(argument.into());
            }
        }
        invocation
    }
}

/// `@file` stands for the arguments in the file, one a line.
fn expand_file(argument: String) -> Vec<String> {
    match argument.strip_prefix('@').map(fs::read_to_string) {
        Some(Ok(text)) => text.lines().map(str::to_owned).collect(),
        _ => vec![argument],
    }
}

fn option(argument: &str, name: &str, rest: &mut impl Iterator<Item = String>) -> Option<String> {
    match argument.strip_prefix(name)? {
        "" => rest.next(),
        value => value.strip_prefix('=').map(str::to_owned),
    }
}

/// The name in `[options:]name[=path]`.
fn extern_name(value: &str) -> &str {
    let name = value.split('=').next().unwrap_or(value);
    name.rsplit(':').next().unwrap_or(name)
}

/// A variable that cargo sets for the crate that is being compiled.
pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// The folder of the package's `Cargo.toml`.
pub(crate) fn package_folder() -> Option<PathBuf> {
    variable("CARGO_MANIFEST_DIR").map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Invocation {
        Invocation::parse(arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn reads_what_cargo_passes() {
        let invocation = parse(&[
            "--crate-name",
            "conduit",
            "--edition=2024",
            "examples/conduit/src/main.rs",
            "--emit=dep-info,metadata",
            "--target",
            "x86_64-unknown-linux-gnu",
            "--extern",
            "bedplate=/target/libbedplate-1.rmeta",
            "--extern",
            "priv,noprelude:hidden=/target/libhidden-2.rlib",
            "--extern=proc_macro",
        ]);
        assert_eq!(invocation.root.as_deref(), Some(Path::new("examples/conduit/src/main.rs")));
        assert_eq!(invocation.target.as_deref(), Some("x86_64-unknown-linux-gnu"));
        let names: Vec<_> = invocation.externs.iter().map(String::as_str).collect();
        assert_eq!(names, ["bedplate", "hidden", "proc_macro"]);
    }

    #[test]
    fn an_editor_has_no_arguments() {
        assert_eq!(parse(&[]), Invocation::default());
    }
}
