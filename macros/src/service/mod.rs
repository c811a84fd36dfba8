//! `#[service]`: declares a contract, on a trait, or writes an implementation of one, on an `impl`.

pub(crate) mod boxed;
mod contract;
mod expand;
pub(crate) mod implementation;
mod owned;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Item;

use crate::ctxt::Ctxt;
use crate::path;
use crate::source::keyword;

/// Expands `#[service(arguments)] item`.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let ctxt = Ctxt::new();
    let item = match syn::parse2(item.clone()) {
        Ok(Item::Trait(mut item)) => {
            let many = contract::read_arguments(&ctxt, arguments);
            let contract = contract::Contract::read(&ctxt, &mut item, many);
            expand::expand(&contract, &item, ctxt.is_clean())
        }
        Ok(Item::Impl(mut item)) => {
            if !arguments.is_empty() {
                ctxt.error(arguments, "`#[service]` on an `impl` has no arguments", "write `#[service]` alone");
            }
            implementation::check(&ctxt, "service", &item);
            implementation::rewrite(&ctxt, &path::bedplate(), &mut item);
            item.into_token_stream()
        }
        Ok(other) => {
            ctxt.error(
                keyword(&other),
                "`#[service]` goes on the trait that is the contract, or on an `impl` of one",
                "write `#[service] pub trait Name { async fn method(&self) -> Result<…>; }`; \
                 a module is declared with `#[module]`",
            );
            item
        }
        Err(error) => {
            ctxt.push(error);
            item
        }
    };
    let errors = ctxt.finish();
    quote!(#item #errors)
}
