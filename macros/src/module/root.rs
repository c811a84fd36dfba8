//! A crate has one module, in its root.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use syn::Ident;

use crate::compiler;
use crate::ctxt::Ctxt;
use crate::place::{self, Place};

/// Checks both. Says whether what belongs to the root can be emitted here.
pub(super) fn check(ctxt: &Ctxt, ident: &Ident) -> bool {
    if !compiler::is_compiler() {
        return true;
    }
    let Some(place) = place::of(ident.span()) else { return true };
    let in_root = check_file(ctxt, ident, &place);
    in_root && check_first(ctxt, ident, place)
}

/// A `mod` with a body in the root file is found later, by the module's path.
fn check_file(ctxt: &Ctxt, ident: &Ident, place: &Place) -> bool {
    let (Some(root), Some(file)) = (&compiler::invocation().root, &place.local_file) else { return true };
    if same_file(root, file) {
        return true;
    }
    ctxt.error(
        ident,
        "`#[module]` has to stand in the crate's root, where `#[scene_service]` in any file finds it",
        format!("move `{ident}` to {}", root.display()),
    );
    false
}

fn same_file(one: &Path, other: &Path) -> bool {
    match (fs::canonicalize(one), fs::canonicalize(other)) {
        (Ok(one), Ok(other)) => one == other,
        // A file that cannot be found (a remapped path) proves nothing.
        _ => true,
    }
}

/// A process of rustc compiles one crate, so what it has seen is what the crate has.
fn check_first(ctxt: &Ctxt, ident: &Ident, place: Place) -> bool {
    static FIRST: Mutex<Option<(String, Place)>> = Mutex::new(None);

    let mut first = FIRST.lock().unwrap_or_else(PoisonError::into_inner);
    let (name, first) = first.get_or_insert_with(|| (ident.to_string(), place.clone()));
    if *first == place {
        return true;
    }
    ctxt.error(
        ident,
        format!("a crate has one module, and this one has `{name}` at {}:{}", first.file, first.line),
        format!("move `{ident}` to a crate of its own, or make it a part of `{name}`"),
    );
    false
}
