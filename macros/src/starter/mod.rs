//! `#[starter]`: declares a starter, and lists it among those of the process.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Generics, Ident, Item, LitStr, Path, Type, parse_quote};

use crate::ctxt::Ctxt;
use crate::source::keyword;
use crate::{arguments, docs, name, path};

/// What the attribute's arguments say.
#[derive(Debug, Default)]
struct Arguments {
    name: Option<LitStr>,
    early: bool,
    after: Vec<Type>,
    needs: Vec<Type>,
    provides: Vec<Type>,
    reads: Vec<Type>,
    settings: Option<Type>,
    module_settings: Option<Type>,
    commands: Vec<Path>,
    test_settings: Option<LitStr>,
}

/// Expands `#[starter(arguments)] item`.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let ctxt = Ctxt::new();
    let arguments = Arguments::read(&ctxt, arguments);
    let register = match syn::parse2::<Item>(item.clone()) {
        Ok(Item::Struct(item)) => register(&ctxt, &arguments, &item.ident, &item.generics, &item.attrs),
        Ok(Item::Enum(item)) => register(&ctxt, &arguments, &item.ident, &item.generics, &item.attrs),
        Ok(other) => {
            ctxt.error(
                keyword(&other),
                "`#[starter]` goes on the type that implements `Starter`",
                "write `#[starter(name = \"…\")] struct Name { … }`, and `impl Starter for Name`",
            );
            TokenStream::new()
        }
        Err(error) => {
            ctxt.push(error);
            TokenStream::new()
        }
    };
    let errors = ctxt.finish();
    quote!(#item #register #errors)
}

impl Arguments {
    fn read(ctxt: &Ctxt, tokens: TokenStream) -> Self {
        let known = [
            ("name", "name = \"…\""),
            ("early", "early"),
            ("after", "after(Type, …)"),
            ("needs", "needs(Type, …)"),
            ("provides", "provides(Type, …)"),
            ("reads", "reads(Type, …)"),
            ("settings", "settings = Type"),
            ("module_settings", "module_settings = Type"),
            ("commands", "commands(COMMAND, …)"),
            ("test_settings", "test_settings = \"key = value\""),
        ];
        let mut found = Self::default();
        let mut names_name = false;
        arguments::read(ctxt, "starter", &known, tokens, |word, input| {
            match word.to_string().as_str() {
                "name" => {
                    names_name = true;
                    found.name = Some(arguments::text(input)?);
                }
                "early" => found.early = true,
                "after" => found.after = arguments::list(input)?,
                "needs" => found.needs = arguments::list(input)?,
                "provides" => found.provides = arguments::list(input)?,
                "reads" => found.reads = arguments::list(input)?,
                "settings" => found.settings = Some(arguments::value(input)?),
                "module_settings" => found.module_settings = Some(arguments::value(input)?),
                "test_settings" => found.test_settings = Some(arguments::text(input)?),
                _ => found.commands = arguments::list(input)?,
            }
            Ok(())
        });
        match &found.name {
            Some(name) => name::check(ctxt, "starter", name),
            None if names_name => {}
            None => ctxt.error_at(
                Span::call_site(),
                "a starter has a name: its settings stand below it",
                "write `#[starter(name = \"…\")]`",
            ),
        }
        found
    }
}

fn register(
    ctxt: &Ctxt,
    arguments: &Arguments,
    ident: &Ident,
    generics: &Generics,
    attributes: &[Attribute],
) -> TokenStream {
    if !generics.params.is_empty() {
        ctxt.error(
            &generics.params,
            format!("the starter `{ident}` cannot be generic: the base starts it, and would not know for which type"),
            "leave the parameters out and name the types",
        );
    }
    if !ctxt.is_clean() {
        return TokenStream::new();
    }
    let Some(name) = &arguments.name else { return TokenStream::new() };
    let bedplate = path::bedplate();
    let summary = docs::summary(attributes);
    let nothing: Type = parse_quote!(());
    let settings = schema(&bedplate, arguments.settings.as_ref().unwrap_or(&nothing));
    let module_settings = schema(&bedplate, arguments.module_settings.as_ref().unwrap_or(&nothing));
    let after = types(&bedplate, Named::Starter, &arguments.after);
    let needs = types(&bedplate, Named::Starter, &arguments.needs);
    let provides = types(&bedplate, Named::Handle, &arguments.provides);
    let reads = types(&bedplate, Named::Export, &arguments.reads);
    let commands = &arguments.commands;
    let order = format_ident!("{}", if arguments.early { "Early" } else { "Normal" });
    let test_settings = arguments.test_settings.as_ref().map(LitStr::value).unwrap_or_default();
    quote! {
        const _: () = {
            static BEDPLATE_STARTER: #bedplate::__private::StarterDescriptor = #bedplate::__private::StarterDescriptor {
                name: #name,
                summary: #summary,
                site: #bedplate::__private::site!(),
                bedplate: #bedplate::__private::VERSION,
                type_id: #bedplate::__private::TypeId::of::<#ident>,
                order: #bedplate::__private::StartOrder::#order,
                needs: #needs,
                after: #after,
                provides: #provides,
                reads: #reads,
                settings: #settings,
                module_settings: #module_settings,
                test_settings: #test_settings,
                start: #bedplate::__private::declared_start::<#ident>,
                commands: &[#(#commands),*],
            };

            impl #bedplate::DeclaredStarter for #ident {
                const DESCRIPTOR: &'static #bedplate::__private::StarterDescriptor = &BEDPLATE_STARTER;
            }

            #bedplate::__private::inventory::submit! { &BEDPLATE_STARTER }
        };
    }
}

fn schema(bedplate: &TokenStream, settings: &Type) -> TokenStream {
    quote_spanned!(settings.span()=> #bedplate::__private::SettingsInfo::of::<#settings>())
}

/// What a type in an argument has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Starter,
    Handle,
    Export,
}

/// The types of an argument. One that is not what it has to be is shown there.
fn types(bedplate: &TokenStream, named: Named, types: &[Type]) -> TokenStream {
    let infos = types.iter().map(|ty| {
        let check = match named {
            Named::Starter => quote_spanned!(ty.span()=> let _ = <#ty as #bedplate::Starter>::committed;),
            Named::Handle => quote_spanned! {ty.span()=>
                let _: ::core::option::Option<<#ty as #bedplate::Handle>::Options> = ::core::option::Option::None;
            },
            Named::Export => quote_spanned!(ty.span()=> let _ = <#ty as #bedplate::Export>::is_export;),
        };
        quote!({ #check #bedplate::__private::type_info::<#ty>() })
    });
    quote!(&[#(#infos),*])
}
