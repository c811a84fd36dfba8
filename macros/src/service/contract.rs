//! A contract, read from its trait and checked.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;
use syn::{
    Block, FnArg, ItemTrait, Pat, ReturnType, Safety, Signature, TraitItem, TraitItemFn, Type, TypeParamBound,
    parse_quote,
};

use super::{boxed, owned};
use crate::ctxt::Ctxt;
use crate::{arguments, docs, path, source};

/// A contract as it was declared.
#[derive(Debug)]
pub(super) struct Contract {
    pub(super) docs: String,
    /// Whether several modules may publish it in one scene.
    pub(super) many: bool,
    pub(super) methods: Vec<Method>,
    /// Whether it can be called through `dyn`.
    pub(super) callable: bool,
}

/// A method of a contract.
#[derive(Debug)]
pub(super) struct Method {
    /// The signature, as it stands in the rewritten trait.
    pub(super) rewritten: Signature,
    /// What the user wrote.
    pub(super) signature: String,
    pub(super) docs: String,
    pub(super) is_async: bool,
    pub(super) arguments: Vec<(Ident, Type)>,
    /// What a call results in.
    pub(super) output: Type,
}

/// Reads the arguments of `#[service]` on a trait: whether it says `many`.
pub(super) fn read_arguments(ctxt: &Ctxt, tokens: TokenStream) -> bool {
    let mut many = false;
    arguments::read(ctxt, "service", &[("many", "many")], tokens, |_, _| {
        many = true;
        Ok(())
    });
    many
}

impl Contract {
    /// Checks a trait, and rewrites it in place: its async methods return boxed futures.
    pub(super) fn read(ctxt: &Ctxt, item: &mut ItemTrait, many: bool) -> Self {
        let mut callable = check_trait(ctxt, item);
        let mut methods = Vec::new();
        for item in &mut item.items {
            match item {
                TraitItem::Fn(method) => match read_method(ctxt, method) {
                    Some(method) => methods.push(method),
                    None => callable = false,
                },
                other => {
                    callable = false;
                    reject(ctxt, other);
                }
            }
        }
        item.colon_token = Some(parse_quote!(:));
        for bound in [parse_quote!(::core::marker::Send), parse_quote!(::core::marker::Sync), parse_quote!('static)] {
            item.supertraits.push(bound);
        }
        Self { docs: docs::text(&item.attrs), many, methods, callable }
    }
}

fn check_trait(ctxt: &Ctxt, item: &mut ItemTrait) -> bool {
    let mut callable = true;
    if !item.generics.params.is_empty() {
        callable = false;
        ctxt.error(
            &item.generics.params,
            format!("the contract `{}` cannot be generic: it is looked up by its one type", item.ident),
            "leave the parameters out and name the types, or declare one contract for each",
        );
    }
    if let Some(token) = item.unsafety.take() {
        ctxt.error(token, "a contract cannot be unsafe", "remove `unsafe`");
    }
    for bound in &item.supertraits {
        let allowed = match bound {
            TypeParamBound::Lifetime(lifetime) => lifetime.ident == "static",
            TypeParamBound::Trait(bound) => {
                bound.path.segments.last().is_some_and(|last| last.ident == "Send" || last.ident == "Sync")
            }
            _ => false,
        };
        if !allowed {
            callable = false;
            ctxt.error(
                bound,
                "a contract stands alone: a reference to it could not be called as this other trait",
                "remove the bound, and write its methods into the contract, or publish a second contract",
            );
        }
    }
    callable
}

fn reject(ctxt: &Ctxt, item: &TraitItem) {
    let (tokens, what, help) = match item {
        TraitItem::Const(item) => (
            item.ident.to_token_stream(),
            "a contract has no constants: it is called through `dyn`",
            "make it a plain method: `fn name(&self) -> Result<T, CallError>`",
        ),
        TraitItem::Type(item) => (
            item.ident.to_token_stream(),
            "a contract has no associated types: its callers do not know who publishes it",
            "name the type in the methods",
        ),
        other => (
            other.to_token_stream(),
            "a contract has methods alone, written out: each is listed and counted by name",
            "write `async fn name(&self) -> Result<…>;`",
        ),
    };
    ctxt.error(tokens, what, help);
}

/// Reads a method and rewrites it. `None` where it cannot be called through `dyn`.
fn read_method(ctxt: &Ctxt, method: &mut TraitItemFn) -> Option<Method> {
    let docs = docs::text(&method.attrs);
    let signature = source::tidy(method.sig.to_token_stream());
    let mut callable = check_shape(ctxt, method);
    let arguments = read_arguments_of(ctxt, &method.sig, &mut callable);
    let output = read_output(ctxt, &method.sig, &mut callable);

    let is_async = method.sig.asyncness.is_some();
    if let Some(output) = boxed::rewrite_signature(&path::bedplate(), &mut method.sig)
        && let Some(body) = &method.default
    {
        let body: Block = boxed::rewrite_body(&method.sig.ident, &output, body);
        method.default = Some(body);
    }
    callable.then(|| Method { rewritten: method.sig.clone(), signature, docs, is_async, arguments, output })
}

fn check_shape(ctxt: &Ctxt, method: &TraitItemFn) -> bool {
    let sig = &method.sig;
    let mut callable = true;
    if !sig.generics.params.is_empty() {
        callable = false;
        let borrows = sig.generics.type_params().next().is_none() && sig.generics.const_params().next().is_none();
        let (what, help) = match borrows {
            true => ("has no lifetimes: what it takes and returns is owned", "leave them out, and write `&self`"),
            false => {
                ("cannot be generic: a contract is called through `dyn`", "leave the parameters out and name the types")
            }
        };
        ctxt.error(&sig.generics.params, format!("the method `{}` {what}", sig.ident), help);
    }
    if sig.constness.is_some() || sig.abi.is_some() || !matches!(sig.safety, Safety::Default) {
        callable = false;
        ctxt.error(sig.fn_token, "a contract's method is a plain `fn` or `async fn`", "remove what stands before it");
    }
    if let Some(condition) =
        method.attrs.iter().find(|attribute| attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr"))
    {
        callable = false;
        ctxt.error(
            condition,
            "a contract's method cannot depend on a condition: all who share the contract have to see the same one",
            "remove the condition, or put the method into a contract of its own",
        );
    }
    let receiver_is_shared =
        matches!(sig.receiver().map(|receiver| &receiver.kind), Some(syn::ReceiverKind::Reference(_, None, None)));
    boxed::check_receiver(ctxt, sig);
    callable && receiver_is_shared
}

fn read_arguments_of(ctxt: &Ctxt, sig: &Signature, callable: &mut bool) -> Vec<(Ident, Type)> {
    let mut arguments = Vec::new();
    for input in &sig.inputs {
        let FnArg::Typed(argument) = input else { continue };
        *callable &= owned::check(ctxt, owned::Role::Argument, &argument.ty);
        match &*argument.pat {
            Pat::Ident(pattern)
                if pattern.by_ref.is_none() && pattern.mutability.is_none() && pattern.subpat.is_none() =>
            {
                arguments.push((pattern.ident.clone(), (*argument.ty).clone()));
            }
            pattern => ctxt.error(
                pattern,
                "an argument of a contract's method has a name, and no pattern",
                "write `name: Type`, and take it apart in the body",
            ),
        }
    }
    arguments
}

fn read_output(ctxt: &Ctxt, sig: &Signature, callable: &mut bool) -> Type {
    match &sig.output {
        ReturnType::Type(_, ty) => {
            *callable &= owned::check(ctxt, owned::Role::Result, ty);
            (**ty).clone()
        }
        ReturnType::Default => {
            ctxt.error(
                &sig.ident,
                format!(
                    "the method `{}` returns nothing, and every call can be refused (deadline, overload, panic)",
                    sig.ident
                ),
                "return a `Result`: `-> Result<(), bedplate::CallError>`",
            );
            parse_quote!(())
        }
    }
}
