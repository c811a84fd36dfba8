//! The base's dependencies: which are part of this build, and which are starters or modules.

use std::path::PathBuf;

use proc_macro2::Span;
use toml::Value;

use super::registry;
use crate::compiler::Invocation;
use crate::ctxt::Ctxt;
use crate::manifest::{Dependency, Manifest};
use crate::suggest;

/// What a crate can say it is, in `[package.metadata.bedplate]`.
pub(super) const KINDS: [&str; 3] = ["module", "starter", "contract"];

/// What a crate says it is, where a base lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Starter,
    Module,
}

/// Whether a dependency is part of this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linked {
    Yes,
    NotEnabled,
}

/// One dependency, looked up.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) package: String,
    /// The name of its crate in the base's code.
    pub(super) crate_name: String,
    pub(super) kind: Option<Kind>,
    pub(super) linked: Linked,
    /// Its manifest, where it can change.
    pub(super) manifest: Option<PathBuf>,
}

impl Kind {
    pub(super) fn variant(self) -> &'static str {
        match self {
            Self::Starter => "Starter",
            Self::Module => "Module",
        }
    }
}

impl Linked {
    pub(super) fn variant(self) -> &'static str {
        match self {
            Self::Yes => "Yes",
            Self::NotEnabled => "NotEnabled",
        }
    }
}

/// Looks up every dependency of the base.
pub(super) fn all(ctxt: &Ctxt, manifest: &Manifest, invocation: &Invocation) -> Vec<Known> {
    let dependencies = manifest.dependencies();
    let mut known: Vec<_> = dependencies.iter().map(|dependency| known(ctxt, dependency, invocation)).collect();
    registry::complete(ctxt, manifest, invocation, &dependencies, &mut known);
    known.extend(own_library(manifest, invocation));
    known
}

/// The library of the base's own package, which may have a module as well.
fn own_library(manifest: &Manifest, invocation: &Invocation) -> Option<Known> {
    let package = manifest.package()?;
    let crate_name = manifest.library().map_or_else(|| package.replace('-', "_"), str::to_owned);
    invocation.externs.contains(&crate_name).then(|| Known {
        package: package.to_owned(),
        crate_name,
        kind: None,
        linked: Linked::Yes,
        manifest: None,
    })
}

fn known(ctxt: &Ctxt, dependency: &Dependency, invocation: &Invocation) -> Known {
    let own = dependency.path.as_ref().and_then(|folder| Manifest::read(folder).ok());
    let crate_name = match own.as_ref().and_then(Manifest::library) {
        Some(library) if !dependency.renamed => library.to_owned(),
        _ => dependency.crate_name(),
    };
    Known {
        kind: own.as_ref().and_then(|own| kind(ctxt, &dependency.package, own.bedplate()?.get("kind"))),
        linked: linked(invocation, &crate_name, dependency.conditional),
        package: own.as_ref().and_then(Manifest::package).unwrap_or(&dependency.package).to_owned(),
        manifest: own.as_ref().map(Manifest::file),
        crate_name,
    }
}

/// Whether a crate is part of the build. An editor's macro server is told nothing about that, and
/// goes without what may be missing.
pub(super) fn linked(invocation: &Invocation, crate_name: &str, conditional: bool) -> Linked {
    let is_linked = match invocation.externs.is_empty() {
        true => !conditional,
        false => invocation.externs.contains(crate_name),
    };
    if is_linked { Linked::Yes } else { Linked::NotEnabled }
}

/// Reads the kind that a crate says it is of.
fn kind(ctxt: &Ctxt, package: &str, value: Option<&Value>) -> Option<Kind> {
    let value = value?;
    match value.as_str() {
        Some(text) => named(ctxt, package, text),
        None => {
            unknown(ctxt, package, value.type_str());
            None
        }
    }
}

/// The kind of this name; nothing for a contract, which a base does not list.
pub(super) fn named(ctxt: &Ctxt, package: &str, name: &str) -> Option<Kind> {
    match name {
        "starter" => Some(Kind::Starter),
        "module" => Some(Kind::Module),
        "contract" => None,
        other => {
            unknown(ctxt, package, other);
            None
        }
    }
}

fn unknown(ctxt: &Ctxt, package: &str, found: &str) {
    ctxt.error_at(
        Span::call_site(),
        format!("the crate `{package}` says in its Cargo.toml that it is of the kind `{found}`, which there is not"),
        format!("correct `kind` in its [package.metadata.bedplate]: {}", suggest::help(found, &KINDS)),
    );
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn invocation(externs: &[&str]) -> Invocation {
        Invocation { externs: externs.iter().map(|name| (*name).to_owned()).collect(), ..Invocation::default() }
    }

    struct Workspace(tempfile::TempDir);

    impl Workspace {
        fn new(members: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            for (name, text) in members {
                fs::create_dir_all(folder.path().join(name)).unwrap();
                fs::write(folder.path().join(name).join("Cargo.toml"), text).unwrap();
            }
            Self(folder)
        }

        fn look_up(&self, externs: &[&str]) -> (Vec<Known>, String) {
            let ctxt = Ctxt::new();
            let manifest = Manifest::read(&self.0.path().join("base")).unwrap();
            let known = all(&ctxt, &manifest, &invocation(externs));
            (known, ctxt.finish().to_string())
        }
    }

    fn module(name: &str, more: &str) -> String {
        format!("[package]\nname = \"{name}\"\n[package.metadata.bedplate]\nkind = \"module\"\n{more}")
    }

    #[test]
    fn finds_what_is_listed_and_what_is_linked() {
        let workspace = Workspace::new(&[
            (".", "[workspace]\n[workspace.dependencies]\ntelling = { path = \"telemetry\", package = \"telemetry\" }"),
            (
                "base",
                "[package]\nname = \"base\"\n[dependencies]\nred-packet = { path = \"../red-packet\" }\n\
                 telling.workspace = true\nlater = { path = \"../later\", optional = true }\n\
                 words = { path = \"../words\" }\n",
            ),
            ("red-packet", &module("red-packet", "[lib]\nname = \"packets\"")),
            ("telemetry", "[package]\nname = \"telemetry\"\nmetadata.bedplate.kind = \"starter\""),
            ("later", &module("later", "")),
            ("words", "[package]\nname = \"words\"\nmetadata.bedplate.kind = \"contract\""),
        ]);
        let (known, errors) = workspace.look_up(&["packets", "telling", "words"]);
        assert_eq!(errors, "");
        let found: Vec<_> = known
            .iter()
            .map(|known| (known.package.as_str(), known.crate_name.as_str(), known.kind, known.linked))
            .collect();
        assert_eq!(
            found,
            [
                ("later", "later", Some(Kind::Module), Linked::NotEnabled),
                ("red-packet", "packets", Some(Kind::Module), Linked::Yes),
                ("telemetry", "telling", Some(Kind::Starter), Linked::Yes),
                ("words", "words", None, Linked::Yes),
            ]
        );
        let (in_editor, _) = workspace.look_up(&[]);
        let linked: Vec<_> = in_editor.iter().map(|known| known.linked).collect();
        assert_eq!(linked, [Linked::NotEnabled, Linked::Yes, Linked::Yes, Linked::Yes]);
    }

    #[test]
    fn an_unknown_kind_is_named() {
        let workspace = Workspace::new(&[
            ("base", "[package]\nname = \"base\"\n[dependencies]\npets = { path = \"../pets\" }"),
            ("pets", "[package]\nname = \"pets\"\nmetadata.bedplate.kind = \"modul\""),
        ]);
        let (_, errors) = workspace.look_up(&["pets"]);
        assert!(errors.contains("the crate `pets`"), "{errors}");
        assert!(errors.contains("did you mean `module`?"), "{errors}");
    }
}
