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

#[cfg(test)]
mod tests {
    use syn::{TraitItem, parse_quote};

    use super::*;

    fn rewritten(item: TokenStream) -> (syn::ItemTrait, String) {
        let output = expand(TokenStream::new(), item);
        let text = output.to_string();
        let mut items = syn::parse2::<syn::File>(output).expect("items").items;
        let Item::Trait(item) = items.swap_remove(0) else { panic!("{text}") };
        (item, text)
    }

    #[test]
    fn a_mistake_leaves_the_trait_as_its_implementations_see_it() {
        let (item, text) =
            rewritten(quote! { trait Profiles { async fn name(&self, of: &str) -> Result<String, E>; } });
        let TraitItem::Fn(method) = &item.items[0] else { panic!("{text}") };
        assert!(method.sig.asyncness.is_none());
        assert_eq!(item.supertraits.len(), 3);
        assert!(text.contains("Service for dyn Profiles"), "{text}");
        assert_eq!(text.matches("compile_error").count(), 1, "{text}");
    }

    #[test]
    fn a_trait_that_cannot_be_called_is_left_alone() {
        let (_, text) = rewritten(quote! { trait Profiles { fn name<T>(&self) -> Result<T, E>; } });
        assert!(!text.contains("ServiceRef"), "{text}");
        assert_eq!(text.matches("compile_error").count(), 1, "{text}");
    }

    #[test]
    fn plain_methods_stay_as_they_are() {
        let (item, text) = rewritten(quote! { trait Profiles { fn count(&self) -> Result<u8, E>; } });
        let TraitItem::Fn(method) = &item.items[0] else { panic!("{text}") };
        let expected: syn::Signature = parse_quote!(fn count(&self) -> Result<u8, E>);
        assert_eq!(method.sig, expected);
        assert!(text.contains("call_plain"), "{text}");
        assert!(!text.contains("compile_error"), "{text}");
    }
}
