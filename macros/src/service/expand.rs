//! What `#[service]` emits for a contract: its description, and the reference that is called as it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Ident, ItemTrait};

use super::contract::{Contract, Method};
use crate::path;

/// The rewritten trait, and what belongs to it. Where the contract has a mistake, its reference
/// can be named and checked against, and is never called.
pub(super) fn expand(contract: &Contract, item: &ItemTrait, clean: bool) -> TokenStream {
    if !contract.callable {
        return quote!(#item);
    }
    let bedplate = path::bedplate();
    let description = describe(&bedplate, contract, &item.ident);
    let forwards =
        contract.methods.iter().enumerate().map(|(index, method)| {
            if clean { forward(&bedplate, &item.ident, index, method) } else { unusable(method) }
        });
    let ident = &item.ident;
    quote! {
        #item

        const _: () = {
            #description

            #[allow(deprecated, unused_variables)]
            impl #ident for #bedplate::ServiceRef<dyn #ident> {
                #(#forwards)*
            }
        };
    }
}

fn describe(bedplate: &TokenStream, contract: &Contract, ident: &Ident) -> TokenStream {
    let Contract { docs, many, methods, .. } = contract;
    let name = ident.to_string();
    let publishers = format_ident!("{}", if *many { "Many" } else { "One" });
    let methods = methods.iter().map(|method| {
        let Method { signature, docs, is_async, .. } = method;
        let name = method.rewritten.ident.to_string();
        let kind = format_ident!("{}", if *is_async { "Async" } else { "Plain" });
        quote! {
            #bedplate::Method {
                name: #name,
                docs: #docs,
                signature: #signature,
                kind: #bedplate::MethodKind::#kind,
            }
        }
    });
    quote! {
        impl #bedplate::Service for dyn #ident {
            const CONTRACT: &'static #bedplate::Contract = &#bedplate::Contract {
                name: #name,
                docs: #docs,
                site: #bedplate::__private::site!(),
                publishers: #bedplate::Publishers::#publishers,
                methods: &[#(#methods),*],
            };
        }

        impl<__Object: #ident> #bedplate::ImplementedBy<__Object> for dyn #ident {
            fn from_object(object: ::std::sync::Arc<__Object>) -> ::std::sync::Arc<Self> {
                object
            }
        }
    }
}

/// A method of the reference: through the gate, to whoever publishes the contract.
fn forward(bedplate: &TokenStream, contract: &Ident, index: usize, method: &Method) -> TokenStream {
    let Method { rewritten, arguments, output, is_async, .. } = method;
    let name = &rewritten.ident;
    // What cannot be sent with a call, or back, is shown where it is written.
    let sent = arguments.iter().map(|(_, ty)| (ty, quote!(ContractArgument))).chain([(output, quote!(ContractAnswer))]);
    let checks = sent.map(|(ty, role)| quote_spanned!(ty.span()=> let () = <#ty as #bedplate::#role>::CHECKED;));
    let names = arguments.iter().map(|(name, _)| name);
    // No argument's name can meet this one.
    let target = Ident::new("target", proc_macro2::Span::mixed_site());
    let call = format_ident!("{}", if *is_async { "call" } else { "call_plain" });
    // A result that cannot express a refused call is shown where it is written.
    let call = quote_spanned!(output.span()=> <#output as #bedplate::Refusable>::#call::<dyn #contract, _>);
    quote! {
        #rewritten {
            #(#checks)*
            #call(self, #index, move |#target| <dyn #contract as #contract>::#name(#target, #(#names),*))
        }
    }
}

fn unusable(method: &Method) -> TokenStream {
    let rewritten = &method.rewritten;
    quote!(#rewritten { ::core::unreachable!("a crate with errors does not run") })
}
