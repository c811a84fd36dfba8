//! Collects every mistake of an item, so that one run of the compiler shows them all.

use std::cell::RefCell;
use std::fmt::Display;
use std::thread;

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The mistakes found so far. [`finish`](Self::finish) has to be called, whatever was found.
#[derive(Debug)]
pub(crate) struct Ctxt {
    /// `None` once somebody asked.
    errors: RefCell<Option<Vec<syn::Error>>>,
}

impl Ctxt {
    pub(crate) fn new() -> Self {
        Self { errors: RefCell::new(Some(Vec::new())) }
    }

    /// A mistake at one place: what is wrong, and the edit that mends it.
    pub(crate) fn error_at(&self, place: Span, what: impl Display, help: impl Display) {
        self.push(syn::Error::new(place, message(what, help)));
    }

    /// A mistake that covers some tokens: what is wrong, and the edit that mends it.
    pub(crate) fn error(&self, tokens: impl ToTokens, what: impl Display, help: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message(what, help)));
    }

    /// A mistake that the parser found.
    pub(crate) fn push(&self, error: syn::Error) {
        self.errors.borrow_mut().as_mut().expect("nothing is checked after the end").push(error);
    }

    /// Whether nothing is wrong so far.
    pub(crate) fn is_clean(&self) -> bool {
        self.errors.borrow().as_ref().is_none_or(Vec::is_empty)
    }

    /// The mistakes as `compile_error!` calls; nothing where there are none.
    pub(crate) fn finish(self) -> TokenStream {
        let errors = self.errors.take().expect("asked once");
        errors.iter().map(syn::Error::to_compile_error).collect()
    }
}

impl Drop for Ctxt {
    fn drop(&mut self) {
        if !thread::panicking() && self.errors.borrow().is_some() {
            panic!("forgot to ask for the errors");
        }
    }
}

/// A message with its help, as every message of ours reads.
pub(crate) fn message(what: impl Display, help: impl Display) -> String {
    format!("{what}\nhelp: {help}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_all_in_order() {
        let ctxt = Ctxt::new();
        ctxt.error_at(Span::call_site(), "one", "do this");
        ctxt.error(quote::quote!(a b), "two", "do that");
        assert!(!ctxt.is_clean());
        let text = ctxt.finish().to_string();
        assert!(text.find("one").unwrap() < text.find("two").unwrap(), "{text}");
        assert!(text.contains("help: do this"), "{text}");
    }

    #[test]
    #[should_panic(expected = "forgot to ask")]
    fn nobody_can_forget_to_ask() {
        drop(Ctxt::new());
    }
}
