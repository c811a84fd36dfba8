//! An `impl` of a contract: its async methods are boxed, as in the trait.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{ImplItem, ItemImpl};

use super::boxed;
use crate::ctxt::Ctxt;

/// Checks that it is an implementation of a trait.
pub(crate) fn check(ctxt: &Ctxt, macro_name: &str, item: &ItemImpl) {
    if item.trait_.is_none() {
        let ty = crate::source::tidy(item.self_ty.to_token_stream());
        ctxt.error(
            &item.self_ty,
            format!("`#[{macro_name}]` goes on the implementation of a contract, and this one names none"),
            format!("write `impl Contract for {ty}`"),
        );
    }
}

/// Boxes the async methods.
pub(crate) fn rewrite(ctxt: &Ctxt, bedplate: &TokenStream, item: &mut ItemImpl) {
    for item in &mut item.items {
        let ImplItem::Fn(method) = item else { continue };
        if method.sig.asyncness.is_none() {
            continue;
        }
        boxed::check_receiver(ctxt, &method.sig);
        if let Some(output) = boxed::rewrite_signature(bedplate, &mut method.sig) {
            method.block = boxed::rewrite_body(&method.sig.ident, &output, &method.block);
        }
    }
}
