//! An `async fn` of a contract, as a function that returns a boxed future.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Block, Lifetime, ReceiverKind, ReturnType, Signature, Type, parse_quote, parse_quote_spanned};

use crate::ctxt::Ctxt;
use crate::source;

/// Takes the `async` off a signature and boxes what it returns. Says what it returned; `None`
/// where it is not async.
pub(crate) fn rewrite_signature(bedplate: &TokenStream, signature: &mut Signature) -> Option<Type> {
    signature.asyncness.take()?;
    let output: Type = match &signature.output {
        ReturnType::Type(_, ty) => (**ty).clone(),
        ReturnType::Default => parse_quote!(()),
    };
    // Without a borrowed `self` there is an error already, and nothing to borrow from.
    let borrows = signature.receiver().is_some_and(|receiver| matches!(receiver.kind, ReceiverKind::Reference(..)));
    let lifetime = Lifetime::new(if borrows { "'_" } else { "'static" }, output.span());
    let bedplate = source::placed(bedplate, output.span());
    signature.output = parse_quote_spanned!(output.span()=> -> #bedplate::__private::BoxFuture<#lifetime, #output>);
    Some(output)
}

/// The body of an async method, boxed. What makes the future not `Send` is shown at the method's
/// name and where it is in the body.
pub(crate) fn rewrite_body(method: &Ident, output: &Type, body: &Block) -> Block {
    let statements = &body.stmts;
    let result = Ident::new("result", proc_macro2::Span::mixed_site());
    // Both lines say the type, so that `?`, `return` and coercions work as in any `async fn`.
    let body = quote! {
        if let ::core::option::Option::Some(#result) = ::core::option::Option::None::<#output> {
            #[allow(unreachable_code)]
            return #result;
        }
        #[allow(clippy::diverging_sub_expression, clippy::let_and_return, clippy::let_unit_value)]
        let #result: #output = { #(#statements)* };
        #[allow(unreachable_code)]
        #result
    };
    let future = quote_spanned!(method.span()=> async move { #body });
    parse_quote_spanned!(method.span()=> { ::std::boxed::Box::pin(#future) })
}

/// Checks that a method takes `&self`, and nothing else that a call cannot carry.
pub(crate) fn check_receiver(ctxt: &Ctxt, signature: &Signature) {
    let help = "write `&self`; what changes goes behind a `Mutex` or an atomic of the module";
    let Some(receiver) = signature.receiver() else {
        ctxt.error(
            &signature.ident,
            format!("the method `{}` has no `&self`: a contract is called on what publishes it", signature.ident),
            "add `&self` as its first parameter",
        );
        return;
    };
    match &receiver.kind {
        ReceiverKind::Reference(_, None, None) => {}
        // Its declaration is reported.
        ReceiverKind::Reference(_, Some(_), None) if !signature.generics.params.is_empty() => {}
        ReceiverKind::Reference(_, Some(lifetime), None) => {
            ctxt.error(lifetime, "a contract's method has no lifetimes of its own", "write `&self`");
        }
        _ => ctxt.error(receiver, "many callers share one instance, so a contract's method takes `&self`", help),
    }
}
