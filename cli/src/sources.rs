//! The sources of a package, as syn reads them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cargo_metadata::Package;
use syn::visit::{self, Visit};

/// The files below a folder that end so, sorted; none where there is no such folder.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(path),
                Ok(kind) if kind.is_file() && path.extension().is_some_and(|end| end == extension) => found.push(path),
                _ => {}
            }
        }
    }
    found.sort();
    found
}

/// The files of a package's `src`, as far as they parse: what does not is no source, or the compiler says so.
///
/// # Errors
///
/// Where one cannot be read.
pub(crate) fn parsed(package: &Package) -> Result<Vec<(PathBuf, syn::File)>> {
    let folder = package.manifest_path.as_std_path().parent().unwrap_or(Path::new("."));
    let mut parsed = Vec::new();
    for file in files(&folder.join("src"), "rs") {
        let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        if let Ok(source) = syn::parse_file(&text) {
            parsed.push((file, source));
        }
    }
    Ok(parsed)
}

/// What a package declares with bedplate's attributes, by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Declared {
    /// Starters: `#[starter(name = "…")]`.
    pub(crate) starters: Vec<String>,
    /// Contracts: the traits with `#[service]`.
    pub(crate) contracts: Vec<String>,
    /// The contracts that it implements with `#[scene_service]`.
    pub(crate) published: Vec<String>,
}

impl Declared {
    /// Looks into the sources of a package.
    ///
    /// # Errors
    ///
    /// Where one cannot be read.
    pub(crate) fn of(package: &Package) -> Result<Self> {
        let mut declared = Self::default();
        for (_, file) in parsed(package)? {
            declared.visit_file(&file);
        }
        Ok(declared)
    }
}

impl<'ast> Visit<'ast> for Declared {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.starters.extend(item.attrs.iter().filter_map(starter));
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.starters.extend(item.attrs.iter().filter_map(starter));
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        if item.attrs.iter().any(|attribute| is(attribute, "service")) {
            self.contracts.push(item.ident.to_string());
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let name = item.trait_.as_ref().and_then(|(path, _)| path.segments.last());
        if item.attrs.iter().any(|attribute| is(attribute, "scene_service")) {
            self.published.extend(name.map(|name| name.ident.to_string()));
        }
        visit::visit_item_impl(self, item);
    }
}

fn is(attribute: &syn::Attribute, name: &str) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == name)
}

/// The name in `#[starter(name = "…", …)]`.
fn starter(attribute: &syn::Attribute) -> Option<String> {
    if !is(attribute, "starter") {
        return None;
    }
    let arguments =
        attribute.parse_args_with(syn::punctuated::Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated).ok()?;
    arguments.into_iter().find_map(|argument| match argument {
        syn::Meta::NameValue(pair) if pair.path.is_ident("name") => match pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(name), .. }) => Some(name.value()),
            _ => None,
        },
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_found_wherever_they_stand() {
        let text = "#[bedplate::starter(name = \"web\", early, provides(Pool<A>, B), settings = x::Settings)]\nstruct Web;\n\
                    mod deep {\n    #[service(version = 2)]\n    pub trait Orders {}\n    trait Other {}\n\
                    #[bedplate::scene_service]\n    impl orders::Orders for Module {}\n}\n\
                    #[service]\nimpl Orders for Fake {}\nimpl Clone for Fake {}\n";
        let mut declared = Declared::default();
        declared.visit_file(&syn::parse_file(text).unwrap());
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let expected =
            Declared { starters: names(&["web"]), contracts: names(&["Orders"]), published: names(&["Orders"]) };
        assert_eq!(declared, expected);
    }
}
