//! Whether the crate has a module: looked up in its root file, where `#[module]` has to stand.

use std::fs;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, File, ItemImpl, UseRename};

use crate::compiler;
use crate::ctxt::Ctxt;

/// Reports a crate that certainly has no module in its root. Where it may come from somewhere (a
/// macro, another name), the compiler has the last word.
pub(super) fn check(ctxt: &Ctxt, item: &ItemImpl) {
    let Some(root) = compiler::invocation().root.as_deref().filter(|_| compiler::is_compiler()) else { return };
    let Ok(text) = fs::read_to_string(root) else { return };
    let Ok(file) = syn::parse_file(&text) else { return };
    if may_have_module(&file) {
        return;
    }
    ctxt.error(
        super::header(item),
        format!(
            "`#[scene_service]` publishes a contract of the crate's module, and this crate has none in {}",
            root.display()
        ),
        "put `#[bedplate::module]` on the module's type there; an implementation that publishes nothing, \
         for a test, has `#[bedplate::service]`",
    );
}

fn may_have_module(file: &File) -> bool {
    let mut search = Search { found: false };
    search.visit_file(file);
    search.found
}

struct Search {
    found: bool,
}

impl<'ast> Visit<'ast> for Search {
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let named = attribute.path().segments.last().is_some_and(|last| last.ident == "module");
        let conditional = attribute.path().is_ident("cfg_attr")
            && attribute.meta.require_list().is_ok_and(|list| mentions_module(list.tokens.clone()));
        self.found |= named || conditional;
    }

    fn visit_use_rename(&mut self, rename: &'ast UseRename) {
        self.found |= rename.ident == "module";
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        // It may expand to the module, or include it.
        self.found |= item.ident.is_none();
        visit::visit_item_macro(self, item);
    }

    // Nothing within a body is in the root.
    fn visit_block(&mut self, _: &'ast syn::Block) {}
}

fn mentions_module(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "module",
        TokenTree::Group(group) => mentions_module(group.stream()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn is_certain_before_it_complains() {
        for file in [
            parse_quote!(
                #[module]
                struct A;
            ),
            parse_quote!(
                #[bedplate::module(name = "a")]
                fn a() {}
            ),
            parse_quote!(
                #[cfg_attr(all(), bedplate::module)]
                struct A;
            ),
            parse_quote!(
                use bedplate::module as part;
                #[part]
                struct A;
            ),
            parse_quote!(include!("module.rs");),
            parse_quote!(
                mod inner {
                    #[module]
                    struct A;
                }
            ),
        ] {
            assert!(may_have_module(&file), "{file:?}");
        }
        for file in [
            parse_quote!(
                mod module;
                struct A;
            ),
            parse_quote!(
                use bedplate::module;
                fn main() {
                    println!("module");
                }
            ),
        ] {
            assert!(!may_have_module(&file), "{file:?}");
        }
    }
}
