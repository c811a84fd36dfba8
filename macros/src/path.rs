//! The path under which the crate that is being compiled knows `bedplate`.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

use crate::compiler;
use crate::manifest::Manifest;

const CRATE: &str = "bedplate";

/// `::bedplate`, or `::name` where the manifest renames the dependency (`name = { package = "bedplate" }`).
///
/// The crate `bedplate` itself knows itself by that name as well.
pub(crate) fn bedplate() -> TokenStream {
    let name = match std::env::var_os("CARGO_MANIFEST_DIR") {
        // A renamed dependency is rare, and then the compiler is not given the usual name.
        Some(folder) if !compiler::invocation().externs.contains(CRATE) => cached(PathBuf::from(folder)),
        _ => CRATE.to_owned(),
    };
    let name = identifier(&name);
    quote!(::#name)
}

/// An identifier of that name; a raw one where the name is a keyword.
fn identifier(name: &str) -> Ident {
    match syn::parse_str::<Ident>(name) {
        Ok(_) => Ident::new(name, Span::call_site()),
        Err(_) => Ident::new_raw(name, Span::call_site()),
    }
}

/// One process of the compiler expands many items of one crate, and an editor's those of many crates.
fn cached(folder: PathBuf) -> String {
    static NAMES: OnceLock<Mutex<HashMap<PathBuf, String>>> = OnceLock::new();
    let names = NAMES.get_or_init(Mutex::default);
    let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
    names.entry(folder).or_insert_with_key(|folder| name_in(folder)).clone()
}

/// Whatever cannot be read is left for cargo to report; the usual name then gives the clearest error.
fn name_in(folder: &Path) -> String {
    match Manifest::read(folder) {
        Ok(manifest) => manifest.name_of(CRATE).unwrap_or_else(|| CRATE.to_owned()),
        Err(_) => CRATE.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_without_the_dependency_says_the_usual_name() {
        assert_eq!(name_in(Path::new(env!("CARGO_MANIFEST_DIR"))), "bedplate");
        assert_eq!(name_in(Path::new("/nowhere")), "bedplate");
    }

    #[test]
    fn a_keyword_becomes_a_raw_identifier() {
        assert_eq!(identifier("async").to_string(), "r#async");
        assert_eq!(identifier("bp").to_string(), "bp");
    }
}
