//! `#[module]` on a function: its parameters are requirements, what it returns is exported.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{FnArg, Ident, ItemFn, Pat, ReturnType, Type};

use super::field::{Field, Written};
use super::register::{self, Registration};
use super::{Arguments, root};
use crate::ctxt::Ctxt;
use crate::{docs, path};

pub(super) fn expand(ctxt: Ctxt, arguments: &Arguments, mut item: ItemFn) -> TokenStream {
    check_signature(&ctxt, &item);
    if let Some(word) = &arguments.exclusive {
        ctxt.error(
            word,
            "a function with `#[module]` cannot be exclusive: it has no `start` to take in what cannot be there twice, \
             and no `stop` to let go of it in",
            "use a struct with `#[module(exclusive)]`, and `Module::start` and `Module::stop`",
        );
    }
    let parameters = read_parameters(&ctxt, &mut item);
    let in_root = root::check(&ctxt, &item.sig.ident);

    let bedplate = path::bedplate();
    let slice = in_root.then(|| register::slice(&bedplate));
    if !ctxt.is_clean() {
        let errors = ctxt.finish();
        return quote!(#item #slice #errors);
    }

    let ident = &item.sig.ident;
    let registration = Registration {
        name: &arguments.name,
        optional: arguments.optional,
        exclusive: arguments.exclusive.is_some(),
        summary: docs::summary(&item.attrs),
        ident,
    };
    let hidden = hidden_type(&bedplate, &item, &parameters);
    let register = registration.expand(&bedplate);
    let nothing = ctxt.finish();
    quote! {
        #item
        #slice
        #hidden
        const _: () = { #register };
        #nothing
    }
}

fn check_signature(ctxt: &Ctxt, item: &ItemFn) {
    let sig = &item.sig;
    if let Some(token) = &sig.asyncness {
        ctxt.error(
            token,
            "a function with `#[module]` is not async: it says what the module exports, before anything serves",
            "remove `async`; work at the start goes into `Module::start` of a struct with `#[module]`",
        );
    }
    if !sig.generics.params.is_empty() {
        ctxt.error(
            &sig.generics.params,
            format!(
                "the module `{}` cannot be generic: the base calls it, and would not know for which type",
                sig.ident
            ),
            "leave the parameters out and name the types",
        );
    }
    if sig.constness.is_some() || sig.abi.is_some() || !matches!(sig.safety, syn::Safety::Default) {
        ctxt.error(sig.fn_token, "a function with `#[module]` is a plain `fn`", "remove what stands before `fn`");
    }
}

fn read_parameters(ctxt: &Ctxt, item: &mut ItemFn) -> Vec<Field> {
    item.sig.inputs.iter_mut().filter_map(|input| read_parameter(ctxt, input)).collect()
}

fn read_parameter(ctxt: &Ctxt, input: &mut FnArg) -> Option<Field> {
    let parameter = match input {
        FnArg::Typed(parameter) => parameter,
        FnArg::Receiver(receiver) => {
            ctxt.error(
                receiver.self_token,
                "`#[module]` goes on a free function: there is no `self` yet",
                "use a struct with `#[module]`, and export in `Module::exports`",
            );
            return None;
        }
    };
    let Pat::Ident(pattern) = &*parameter.pat else {
        ctxt.error(
            &parameter.pat,
            "a requirement has a name: it stands in reports of what is missing",
            "give the parameter a name, and take it apart in the body",
        );
        return None;
    };
    let ident = pattern.ident.clone();
    match &*parameter.ty {
        Type::Reference(reference) => {
            let owned = &reference.elem;
            ctxt.error(
                reference,
                "a module owns what it is given",
                format!("write `{}`", crate::source::tidy(owned.to_token_stream())),
            );
        }
        Type::ImplTrait(ty) => {
            ctxt.error(ty, "the base has to know what to fill in", "name the type");
        }
        _ => {}
    }
    Some(Field::read(ctxt, Written::Parameter, &mut parameter.attrs, ident, (*parameter.ty).clone()))
}

/// A type named like the function, beside it in the namespace of types: what a test names.
fn hidden_type(bedplate: &TokenStream, item: &ItemFn, parameters: &[Field]) -> TokenStream {
    let (vis, ident) = (&item.vis, &item.sig.ident);
    let describe = parameters.iter().map(|parameter| parameter.describe(bedplate));
    let values = parameters.iter().map(|parameter| parameter.value(bedplate));
    let types = parameters.iter().map(|parameter| &parameter.ty);
    let to = register::variable("to");
    let names: Vec<&Ident> = parameters.iter().map(|parameter| &parameter.ident).collect();
    let construct = register::construct(
        bedplate,
        ident,
        &quote!(#(#describe)*),
        &quote!(Self { arguments: #bedplate::__private::Arguments::new((#(#values,)*)) }),
    );
    let export = export(bedplate, &to, &item.sig.output, &quote!(#ident(#(#names),*)));
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #vis struct #ident {
            arguments: #bedplate::__private::Arguments<(#(#types,)*)>,
        }

        const _: () = {
            #construct

            impl #bedplate::Module for #ident {
                fn exports(self: &::std::sync::Arc<Self>, #to: &mut #bedplate::Exports) {
                    let (#(#names,)*) = match self.arguments.take() {
                        ::core::result::Result::Ok(arguments) => arguments,
                        ::core::result::Result::Err(error) => {
                            #to.fail(error);
                            return;
                        }
                    };
                    #export
                }
            }
        };
    }
}

/// Hands on what the function returned; a type that is no export is shown where it is written.
fn export(bedplate: &TokenStream, to: &Ident, output: &ReturnType, call: &TokenStream) -> TokenStream {
    match output {
        ReturnType::Type(_, ty) if !matches!(**ty, Type::ImplTrait(_)) => {
            quote_spanned!(ty.span()=> <#ty as #bedplate::IntoExports>::add_to(#call, #to);)
        }
        ReturnType::Type(_, ty) => quote_spanned!(ty.span()=> #to.add_all(#call);),
        ReturnType::Default => quote!(#call;),
    }
}
