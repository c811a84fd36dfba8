//! `#[module]`: declares the module of a crate, from a struct or from a function.

mod field;
mod function;
mod register;
mod root;
mod structure;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Ident, Item};

use crate::ctxt::Ctxt;
use crate::source::keyword;
use crate::{arguments, name};

pub(crate) use register::slice_name;

/// What the attribute's arguments say.
#[derive(Debug)]
struct Arguments {
    name: String,
    optional: bool,
    /// The word, where it is there.
    exclusive: Option<Ident>,
}

/// Expands `#[module(arguments)] item`.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let ctxt = Ctxt::new();
    let arguments = Arguments::read(&ctxt, arguments);
    match syn::parse2(item.clone()) {
        Ok(Item::Struct(item)) => structure::expand(ctxt, &arguments, item),
        Ok(Item::Fn(item)) => function::expand(ctxt, &arguments, item),
        Ok(other) => {
            ctxt.error(
                keyword(&other),
                "`#[module]` goes on a struct with the module's requirements, or on a function that returns its exports",
                "write `#[module] struct Name { … }`, or `#[module] fn name() -> Routes { … }`",
            );
            with_errors(ctxt, item)
        }
        Err(error) => {
            ctxt.push(error);
            with_errors(ctxt, item)
        }
    }
}

impl Arguments {
    fn read(ctxt: &Ctxt, tokens: TokenStream) -> Self {
        let mut name = None;
        let mut optional = false;
        let mut exclusive = None;
        let known = [("name", "name = \"…\""), ("optional", "optional"), ("exclusive", "exclusive")];
        arguments::read(ctxt, "module", &known, tokens, |word, input| {
            if word == "name" {
                let text = arguments::text(input)?;
                name::check(ctxt, "module", &text);
                name = Some(text.value());
                return Ok(());
            }
            if word == "optional" {
                optional = true;
            } else {
                exclusive = Some(word.clone());
            }
            arguments::alone(word, input)
        });
        let name = name.unwrap_or_else(|| name::of_package(ctxt, Span::call_site()));
        Self { name, optional, exclusive }
    }
}

/// The user's item and the errors: the editor goes on working.
fn with_errors(ctxt: Ctxt, item: impl ToTokens) -> TokenStream {
    let errors = ctxt.finish();
    quote!(#item #errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(arguments: TokenStream, item: TokenStream) -> (Vec<Item>, String) {
        let output = expand(arguments, item);
        let text = output.to_string();
        (syn::parse2::<syn::File>(output).expect("items").items, text)
    }

    #[test]
    fn a_mistake_leaves_the_item_and_what_others_need() {
        let (items, text) = items(quote!(nmae = "x"), quote! { #[derive(Debug)] struct Comments { #[own] count: u8 } });
        let Item::Struct(item) = &items[0] else { panic!("{text}") };
        assert_eq!(item.attrs.len(), 1);
        assert!(item.fields.iter().all(|field| field.attrs.is_empty()));
        assert!(text.contains("services_slice"), "{text}");
        assert!(text.contains("Construct for Comments"), "{text}");
        assert!(!text.contains("DeclaredModule"), "{text}");
        assert!(text.contains("compile_error"), "{text}");
    }

    #[test]
    fn what_is_no_item_is_handed_back() {
        let text = expand(quote!(), quote!(struct Comments: u8)).to_string();
        assert!(text.contains("compile_error"), "{text}");
        assert!(text.starts_with("struct Comments"), "{text}");
    }

    #[test]
    fn a_function_is_a_type_as_well() {
        let (items, text) = items(quote!(name = "hello"), quote! { pub fn hello(#[from("other")] to: A) -> B { B } });
        let Item::Fn(function) = &items[0] else { panic!("{text}") };
        let syn::FnArg::Typed(parameter) = &function.sig.inputs[0] else { panic!("{text}") };
        assert!(parameter.attrs.is_empty());
        assert!(items.iter().any(|item| matches!(item, Item::Struct(hidden) if hidden.ident == "hello")), "{text}");
        assert!(!text.contains("compile_error"), "{text}");
    }
}
