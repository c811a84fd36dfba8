//! What the sources of modules and contracts hold: state of the whole process.

use std::path::PathBuf;

use anyhow::Result;
use cargo_metadata::Package;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use crate::order::check::packages::Packages;
use crate::order::check::violation::Violation;
use crate::sources;

/// Types by which a static changes while the program runs.
const CHANGING: [&str; 12] = [
    "Mutex",
    "RwLock",
    "OnceLock",
    "OnceCell",
    "LazyLock",
    "LazyCell",
    "Lazy",
    "RefCell",
    "Cell",
    "UnsafeCell",
    "ArcSwap",
    "DashMap",
];

/// What is out of order.
pub(super) fn check(packages: &Packages<'_>) -> Result<Vec<Violation>> {
    let mut found = Vec::new();
    for module in &packages.modules {
        for package in packages.helpers(module).into_iter().chain([*module]) {
            let of = if package.id == module.id { String::new() } else { format!(" of its crate `{}`", package.name) };
            for (file, seen) in statics(package)? {
                for item in seen.iter().filter(|item| item.changes) {
                    found.push(Violation::new(
                        "global-state",
                        format!("{}: {}", package.name, item.name),
                        format!("the module `{}` holds state in {}{of}", module.name, item.shown()),
                        format!("{}:{}", packages.shown(&file), item.line),
                        "keep it in the module's own struct: each generation, scene and test has its own then, and it \
                         ends with them",
                    ));
                }
            }
        }
    }
    for contract in &packages.contracts {
        for (file, seen) in statics(contract)? {
            for item in &seen {
                found.push(Violation::new(
                    "contract-static",
                    format!("{}: {}", contract.name, item.name),
                    format!("the contract `{}` holds {}", contract.name, item.shown()),
                    format!("{}:{}", packages.shown(&file), item.line),
                    "every object that carries the crate has a copy of its own: make it a `const`, or move it into the \
                     module that serves the contract",
                ));
            }
        }
    }
    Ok(found)
}

/// A static.
struct Static {
    name: String,
    line: usize,
    /// Whether it changes while the program runs.
    changes: bool,
    is_of_thread: bool,
}

impl Static {
    fn shown(&self) -> String {
        match self.is_of_thread {
            true => format!("`thread_local! {}`", self.name),
            false => format!("`static {}`", self.name),
        }
    }
}

/// The statics in a package's sources, without those of its tests.
fn statics(package: &Package) -> Result<Vec<(PathBuf, Vec<Static>)>> {
    let seen = sources::parsed(package)?.into_iter().map(|(file, source)| {
        let mut finder = Finder::default();
        finder.visit_file(&source);
        (file, finder.found)
    });
    Ok(seen.filter(|(_, found)| !found.is_empty()).collect())
}

#[derive(Default)]
struct Finder {
    found: Vec<Static>,
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !attributes(item).iter().any(is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_static(&mut self, item: &'ast syn::ItemStatic) {
        let is_mut = matches!(item.mutability, syn::StaticMutability::Mut(_));
        self.found.push(Static {
            name: item.ident.to_string(),
            line: item.span().start().line,
            changes: is_mut || changes(&item.ty),
            is_of_thread: false,
        });
    }

    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        let Some(last) = called.path.segments.last() else { return };
        let is_of_thread = last.ident == "thread_local";
        if is_of_thread || last.ident == "lazy_static" {
            // `static NAME: …` inside of it.
            let tokens = called.tokens.to_string();
            let name = tokens.split("static ").nth(1).unwrap_or_default();
            let name = name.trim_start_matches("ref ").split([':', ' ']).next().unwrap_or_default();
            self.found.push(Static {
                name: name.to_owned(),
                line: called.span().start().line,
                changes: true,
                is_of_thread,
            });
        }
    }
}

/// Whether a type somewhere in it is one that changes behind a shared reference.
fn changes(ty: &syn::Type) -> bool {
    struct Looks(bool);
    impl<'ast> Visit<'ast> for Looks {
        fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
            let name = segment.ident.to_string();
            self.0 |= CHANGING.contains(&name.as_str()) || name.starts_with("Atomic");
            visit::visit_path_segment(self, segment);
        }
    }
    let mut looks = Looks(false);
    looks.visit_type(ty);
    looks.0
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        _ => &[],
    }
}

/// `#[cfg(test)]`, `#[test]` and the like.
fn is_for_tests(attribute: &syn::Attribute) -> bool {
    let path = attribute.path();
    if path.is_ident("cfg") {
        return attribute.parse_args::<syn::Ident>().is_ok_and(|condition| condition == "test");
    }
    path.segments.last().is_some_and(|last| last.ident == "test")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, bool, usize)> {
        let mut finder = Finder::default();
        finder.visit_file(&syn::parse_file(text).unwrap());
        finder.found.into_iter().map(|item| (item.name, item.changes, item.line)).collect()
    }

    #[test]
    fn statics_are_found_wherever_they_stand() {
        let text = "static A: u8 = 1;\nconst B: u8 = 2;\nmod deep {\n    pub static C: std::sync::OnceLock<u8> = x();\n}\n\
                    fn f() {\n    static D: AtomicU64 = AtomicU64::new(0);\n    static mut E: u8 = 0;\n}\n\
                    thread_local! {\n    static F: u8 = 1;\n}\n";
        assert_eq!(
            found(text),
            [
                ("A".into(), false, 1),
                ("C".into(), true, 4),
                ("D".into(), true, 7),
                ("E".into(), true, 8),
                ("F".into(), true, 10)
            ]
        );
    }

    #[test]
    fn what_is_for_tests_is_no_state_of_the_module() {
        let text = "#[cfg(test)]\nmod tests {\n    static A: AtomicU8 = AtomicU8::new(0);\n}\n\
                    #[tokio::test]\nasync fn t() { static B: AtomicU8 = AtomicU8::new(0); }\n#[cfg(feature = \"x\")]\nstatic C: AtomicU8 = AtomicU8::new(0);\n";
        assert_eq!(found(text).into_iter().map(|(name, ..)| name).collect::<Vec<_>>(), ["C"]);
    }
}
