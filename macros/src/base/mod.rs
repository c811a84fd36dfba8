//! `base!`: links everything that the base's `Cargo.toml` lists, and is its `main`.

mod listed;
mod registry;

use std::path::Path;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

use crate::ctxt::Ctxt;
use crate::manifest::Manifest;
use crate::object::{self, Object};
use crate::{compiler, path};
use listed::{Kind, Known, Linked};

/// Expands `base!(arguments)`.
pub(crate) fn expand(arguments: &TokenStream) -> TokenStream {
    let ctxt = Ctxt::new();
    if !arguments.is_empty() {
        ctxt.error(
            arguments,
            "`base!` takes nothing: starters and modules are the dependencies in the base's Cargo.toml",
            "write `bedplate::base!();`, and `cargo add` what it should have",
        );
    }
    let known = match compiler::package_folder() {
        Some(folder) => read(&ctxt, &folder),
        None => Vec::new(),
    };
    let errors = ctxt.finish();
    let main = match object::asked() {
        Ok(object) => main(&known, object.as_ref()),
        Err(error) => quote!(::core::compile_error!(#error); fn main() {}),
    };
    quote!(#main #errors)
}

fn read(ctxt: &Ctxt, folder: &Path) -> Vec<Known> {
    match Manifest::read(folder) {
        Ok(manifest) => listed::all(ctxt, &manifest, compiler::invocation()),
        Err(error) => {
            ctxt.error_at(
                Span::call_site(),
                format!("`base!` has to know what the base depends on, and {error}"),
                "correct the file",
            );
            Vec::new()
        }
    }
}

/// The items of a base. In a bundle the modules are objects of their own, and are not linked.
fn main(known: &[Known], bundle: Option<&Object>) -> TokenStream {
    let bedplate = path::bedplate();
    // The manifest of a bundle says which modules it has.
    let is_here = |dependency: &&Known| !(bundle.is_some() && dependency.kind == Some(Kind::Module));
    let is_linked = |dependency: &&Known| dependency.linked == Linked::Yes && is_here(dependency);
    let library = bundle.map(Object::link);
    let label = match bundle.map(Object::label) {
        Some(label) => quote!(::core::option::Option::Some(#label)),
        None => quote!(::core::option::Option::None),
    };
    let linked = known.iter().filter(is_linked).map(|dependency| {
        let name = Ident::new_raw(&dependency.crate_name, Span::call_site());
        quote!(extern crate #name as _;)
    });
    let listed = known.iter().filter(is_here).filter_map(|dependency| {
        let kind = format_ident!("{}", dependency.kind?.variant());
        let package = &dependency.package;
        let linked = format_ident!("{}", dependency.linked.variant());
        Some(quote! {
            #bedplate::__private::Listed {
                package: #package,
                kind: #bedplate::__private::Kind::#kind,
                linked: #bedplate::__private::Linked::#linked,
            }
        })
    });
    // A change of one of these files changes what is linked or listed: the compiler is told so.
    let read = known.iter().filter(is_here).filter_map(|dependency| dependency.manifest.as_ref()?.to_str());
    quote! {
        #library
        #(#linked)*

        #(const _: &[u8] = ::core::include_bytes!(#read);)*

        fn main() -> ::std::process::ExitCode {
            #bedplate::__private::main(&#bedplate::__private::BaseInfo {
                site: #bedplate::__private::site!(),
                listed: &[#(#listed),*],
                label: #label,
            })
        }
    }
}
