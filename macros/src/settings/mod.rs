//! `#[derive(Settings)]`: parse to a typed tree, check, generate.

mod attribute;
mod expand;
mod field;
mod item;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;

use crate::ctxt::Ctxt;

/// The implementations for the struct, or all of its mistakes at once.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let path = crate::path::bedplate();
    let input = match syn::parse2::<syn::DeriveInput>(input) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let ctxt = Ctxt::new();
    let item = item::parse(&input, &ctxt);
    let is_clean = ctxt.is_clean();
    let mut output = ctxt.finish();
    output.extend(match is_clean {
        true => expand::item(&path, &item),
        false => expand::placeholder(&path, &input),
    });
    output
}
