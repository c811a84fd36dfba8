//! Writes the implementation: calls of functions in core, one per field.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{DeriveInput, Expr, ExprLit, Lit};

use super::field::{Content, Field, Presence, number, source};
use super::item::Item;

/// `path` is where the crate knows bedplate.
pub(super) fn item(path: &TokenStream, item: &Item) -> TokenStream {
    let Item { name, help, fields, .. } = item;
    let keys = fields.iter().map(|field| key(path, field));
    let variables: Vec<_> =
        (0..fields.len()).map(|index| format_ident!("value_{index}", span = Span::mixed_site())).collect();
    let reads = fields.iter().enumerate().map(|(index, field)| read(path, field, index));
    let idents = fields.iter().map(|field| &field.ident);
    // `Self`, and not the type's name: the lint about needless names stays quiet, and errors point at the type.
    let built = quote!(Self { #(#idents: #variables?),* });
    let result = match &item.check {
        None => quote!(::core::option::Option::Some(#built)),
        Some(check) => {
            let check = quote_spanned!(check.span()=> |settings: &Self| -> ::core::result::Result<(), ::std::string::String> { #check(settings) });
            quote!({
                let read = #built;
                section.checked(&schema, read, #check)
            })
        }
    };
    let line = quote_spanned!(name.span()=> ::core::line!());
    quote! {
        #[automatically_derived]
        #[allow(clippy::all, clippy::pedantic)]
        impl #path::settings::Settings for #name {
            fn schema() -> #path::settings::Schema {
                #path::settings::Schema::new(#help, ::core::file!(), #line)
                    #(.key(#keys))*
            }

            #[allow(unused_variables)]
            fn read(section: &mut #path::settings::Section<'_>) -> ::core::option::Option<Self> {
                let schema = <Self as #path::settings::Settings>::schema();
                #(let #variables = #reads;)*
                #result
            }
        }

        #path::__private::settings_requirement!(#name);
    }
}

/// What stands in for an item with mistakes: an implementation, so that no other errors follow from theirs.
pub(super) fn placeholder(path: &TokenStream, input: &DeriveInput) -> TokenStream {
    if !input.generics.params.is_empty() {
        return TokenStream::new();
    }
    let name = &input.ident;
    quote! {
        #[automatically_derived]
        impl #path::settings::Settings for #name {
            fn schema() -> #path::settings::Schema {
                ::core::default::Default::default()
            }

            fn read(_: &mut #path::settings::Section<'_>) -> ::core::option::Option<Self> {
                ::core::option::Option::None
            }
        }

        #path::__private::settings_requirement!(#name);
    }
}

fn key(path: &TokenStream, field: &Field) -> TokenStream {
    let Field { name, help, value_type, .. } = field;
    let line = quote_spanned!(field.ident.span()=> ::core::line!());
    let mut key = match field.content {
        Content::Value => quote!(#path::settings::Key::of::<#value_type>(#name)),
        Content::Nested => quote!(#path::settings::Key::nested::<#value_type>(#name)),
    };
    key.extend(quote!(.declared_at(::core::file!(), #line)));
    if !help.is_empty() {
        key.extend(quote!(.help(#help)));
    }
    if field.is_secret {
        key.extend(quote!(.secret()));
    }
    if let Some(range) = &field.range {
        let range = source(range);
        key.extend(quote!(.range(#range)));
    }
    if !field.allowed.is_empty() {
        let allowed = &field.allowed;
        key.extend(quote!(.allowed(&[#(#allowed),*])));
    }
    match &field.presence {
        // An absent nested table is not missing: its own keys may be.
        Presence::Required => {}
        Presence::Optional => key.extend(quote!(.optional())),
        presence => {
            let text = default_text(path, value_type, presence);
            key.extend(quote!(.default_text(#text)));
        }
    }
    key
}

/// An expression for the default as a file would hold it.
fn default_text(path: &TokenStream, value_type: &syn::Type, presence: &Presence) -> TokenStream {
    let (value, source) = match presence {
        Presence::DefaultText(text) => return format!("{:?}", text.value()).into_token_stream(),
        Presence::Default(value) => match literal_text(value) {
            Some(text) => return text.into_token_stream(),
            None => (value.to_token_stream(), source(value)),
        },
        Presence::TypeDefault(span) => (type_default(*span), "the default of its type".to_owned()),
        Presence::Required | Presence::Optional => return "".into_token_stream(),
    };
    quote!(&#path::__settings_default_text!((|| -> #value_type { #value })(), #source))
}

/// Where the type has no default, the error points at the word.
fn type_default(span: Span) -> TokenStream {
    quote_spanned!(span=> ::core::default::Default::default())
}

fn literal_text(value: &Expr) -> Option<String> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Bool(value), .. }) => Some(value.value.to_string()),
        Expr::Lit(ExprLit { lit: Lit::Char(value), .. }) => Some(format!("{:?}", value.value().to_string())),
        _ => number(value).map(|_| source(value)),
    }
}

fn read(path: &TokenStream, field: &Field, index: usize) -> TokenStream {
    let value_type = &field.value_type;
    let accepts = match &field.range {
        Some(range) => quote_spanned!(range.span()=>
            |value: &#value_type| ::core::ops::RangeBounds::contains(&(#range), value)
        ),
        None => quote!(|_| true),
    };
    let fallback = match &field.presence {
        Presence::Required => quote!(Required),
        Presence::DefaultText(text) => quote!(Text(#text)),
        Presence::Default(value) => {
            quote_spanned!(value.span()=> Value(|| -> #value_type { #value }))
        }
        Presence::TypeDefault(span) => {
            let default = type_default(*span);
            quote!(Value(|| -> #value_type { #default }))
        }
        Presence::Optional => {
            return match field.content {
                Content::Value => {
                    quote!(section.optional::<#value_type>(&schema.keys[#index], #accepts))
                }
                Content::Nested => {
                    quote!(section.optional_nested::<#value_type>(&schema.keys[#index]))
                }
            };
        }
    };
    match field.content {
        Content::Value => quote! {
            section.value::<#value_type>(&schema.keys[#index], #path::settings::Fallback::#fallback, #accepts)
        },
        Content::Nested => quote!(section.nested::<#value_type>(&schema.keys[#index])),
    }
}
