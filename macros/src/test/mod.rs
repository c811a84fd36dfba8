//! `#[bedplate::test]`: a test that is given a base of the starters and modules it names.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, FnArg, Ident, ItemFn, Type};

use crate::ctxt::Ctxt;
use crate::{arguments, path};

/// What the attribute's arguments say.
#[derive(Debug, Default)]
struct Arguments {
    starters: Vec<Type>,
    modules: Vec<Type>,
    settings: Option<Expr>,
    paused: bool,
}

/// Expands `#[test(arguments)] item`.
pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let ctxt = Ctxt::new();
    let arguments = Arguments::read(&ctxt, arguments);
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(_) => {
            ctxt.error(
                &item,
                "`#[bedplate::test]` goes on an `async fn`",
                "write `async fn name(base: TestBase) { … }`",
            );
            let errors = ctxt.finish();
            return quote!(#item #errors);
        }
    };
    check_signature(&ctxt, &function);
    let clean = ctxt.is_clean();
    let errors = ctxt.finish();
    if clean { test(&path::bedplate(), &arguments, &function) } else { quote!(#function #errors) }
}

impl Arguments {
    fn read(ctxt: &Ctxt, tokens: TokenStream) -> Self {
        let known = [
            ("starters", "starters(Type, …)"),
            ("modules", "modules(Type, …)"),
            ("settings", "settings = \"key = value\""),
            ("paused", "paused"),
        ];
        let mut found = Self::default();
        arguments::read(ctxt, "bedplate::test", &known, tokens, |word, input| {
            match word.to_string().as_str() {
                "starters" => found.starters = arguments::list(input)?,
                "modules" => found.modules = arguments::list(input)?,
                "settings" => found.settings = Some(arguments::value(input)?),
                _ => found.paused = true,
            }
            Ok(())
        });
        found
    }
}

fn check_signature(ctxt: &Ctxt, function: &ItemFn) {
    let sig = &function.sig;
    if sig.asyncness.is_none() {
        ctxt.error(sig.fn_token, "a test of a base is async", "write `async fn`");
    }
    if !sig.generics.params.is_empty() {
        ctxt.error(&sig.generics.params, "a test cannot be generic", "leave the parameters out");
    }
    if let Some(FnArg::Receiver(receiver)) = sig.inputs.first() {
        ctxt.error(receiver, "a test is a free function", "take `base: TestBase`");
    }
    for more in sig.inputs.iter().skip(1) {
        ctxt.error(
            more,
            "a test is given one thing, its base",
            "get it from the base: `base.service::<dyn Contract>()`, `base.module::<Module>()`",
        );
    }
}

fn test(bedplate: &TokenStream, arguments: &Arguments, function: &ItemFn) -> TokenStream {
    let ItemFn { attrs, vis, sig, block, .. } = function;
    let Arguments { starters, modules, settings, paused } = arguments;
    let (ident, inputs, output) = (&sig.ident, &sig.inputs, &sig.output);
    let settings = settings.iter();
    let paused = paused.then(|| quote!(.paused_time()));
    let base = Ident::new("base", proc_macro2::Span::mixed_site());
    // The inner function is not seen by the body, which may call others of its name.
    let inner = Ident::new("inner", proc_macro2::Span::mixed_site());
    let argument = (!inputs.is_empty()).then_some(&base);
    quote! {
        #[::core::prelude::v1::test]
        #(#attrs)*
        #vis fn #ident() #output {
            async fn #inner(#inputs) #output #block
            #bedplate::testing::run(
                #bedplate::testing::TestBase::builder()
                    #(.starter::<#starters>())*
                    #(.module::<#modules>())*
                    #(.settings(#settings))*
                    #paused,
                |#base| async move {
                    let _ = &#base;
                    #inner(#argument).await
                },
            )
        }
    }
}
