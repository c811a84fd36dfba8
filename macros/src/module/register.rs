//! What every module emits: its constructor, its descriptor, and the slice of its services.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::Ident;

use crate::{compiler, object};

/// What is registered about a module.
#[derive(Debug)]
pub(super) struct Registration<'a> {
    pub(super) name: &'a str,
    pub(super) optional: bool,
    pub(super) exclusive: bool,
    pub(super) summary: String,
    pub(super) ident: &'a Ident,
}

impl Registration<'_> {
    pub(super) fn expand(&self, bedplate: &TokenStream) -> TokenStream {
        let Self { name, exclusive, summary, ident, .. } = self;
        let slice = slice_name();
        let presence = format_ident!("{}", if self.optional { "Optional" } else { "Required" });
        let entry = match object::asked() {
            Ok(object) => object.map(|object| object.entry(bedplate, &format_ident!("BEDPLATE_MODULE"), name)),
            Err(error) => Some(quote!(::core::compile_error!(#error);)),
        };
        quote! {
            static BEDPLATE_MODULE: #bedplate::__private::ModuleDescriptor = #bedplate::__private::ModuleDescriptor {
                name: #name,
                summary: #summary,
                site: #bedplate::__private::site!(),
                presence: #bedplate::__private::Presence::#presence,
                exclusive: #exclusive,
                bedplate: #bedplate::__private::VERSION,
                parts: #bedplate::__private::declared_parts::<#ident>,
                services: || #slice.static_slice(),
            };

            impl #bedplate::DeclaredModule for #ident {
                const DESCRIPTOR: &'static #bedplate::__private::ModuleDescriptor = &BEDPLATE_MODULE;
            }

            #[#bedplate::__private::linkme::distributed_slice(#bedplate::__private::MODULES)]
            #[linkme(crate = #bedplate::__private::linkme)]
            static BEDPLATE_LINKED: &'static #bedplate::__private::ModuleDescriptor = &BEDPLATE_MODULE;

            #entry

            const _: () = ::core::assert!(
                #bedplate::__private::is_crate_root(::core::module_path!()),
                "`#[module]` has to stand in the crate's root, where `#[scene_service]` in any file finds it: \
                 move the item out of its `mod`"
            );
        }
    }
}

/// The implementation of `Construct`.
pub(super) fn construct(
    bedplate: &TokenStream,
    ident: &Ident,
    describe: &TokenStream,
    value: &TokenStream,
) -> TokenStream {
    let (to, from) = (variable("to"), variable("from"));
    quote! {
        impl #bedplate::Construct for #ident {
            #[allow(unused_variables)]
            fn requirements(#to: &mut #bedplate::Requirements) {
                #describe
            }

            #[allow(unused_variables, unreachable_code)]
            fn construct(#from: &#bedplate::Fields<'_>) -> #bedplate::Result<Self> {
                ::core::result::Result::Ok(#value)
            }
        }
    }
}

/// A variable that the user's expressions and parameters cannot meet, whatever their names.
pub(super) fn variable(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// The crate's slice of services, for its root.
pub(super) fn slice(bedplate: &TokenStream) -> TokenStream {
    let name = slice_name();
    quote!(#bedplate::__private::services_slice!(#name);)
}

/// The name of the crate's slice, which is that of a section in its object: one of its own for
/// every crate that can be linked into a program, two versions of one package included.
pub(crate) fn slice_name() -> Ident {
    let parts = ["CARGO_PKG_NAME", "CARGO_CRATE_NAME", "CARGO_PKG_VERSION"].map(|name| {
        let part = compiler::variable(name).unwrap_or_default();
        part.replace(|letter: char| !letter.is_ascii_alphanumeric(), "_").to_uppercase()
    });
    Ident::new(&format!("BEDPLATE_SERVICES_{}", parts.join("_")), Span::call_site())
}
