//! The arguments of an attribute: known words, each once, the unknown ones with a suggestion.

use proc_macro2::{Ident, Span, TokenStream};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{LitStr, Token};

use crate::ctxt::{Ctxt, message};
use crate::suggest;

/// One argument that a macro takes: its word, and how it is written.
pub(crate) type Known = (&'static str, &'static str);

/// Reads the arguments between the parentheses of `#[macro_name(…)]`. `read` is called after each
/// known word, and takes what belongs to it.
pub(crate) fn read(
    ctxt: &Ctxt,
    macro_name: &str,
    known: &[Known],
    tokens: TokenStream,
    mut read: impl FnMut(&Ident, ParseStream<'_>) -> syn::Result<()>,
) {
    let mut seen: Vec<Ident> = Vec::new();
    let all = |input: ParseStream<'_>| {
        while !input.is_empty() {
            argument(input, macro_name, known, &mut seen, &mut read).unwrap_or_else(|error| {
                ctxt.push(error);
                skip(input);
            });
            if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                ctxt.error_at(input.span(), "expected `,`", "separate the arguments with commas");
                skip(input);
                let _: Option<Token![,]> = input.parse()?;
            }
        }
        Ok(())
    };
    if let Err(error) = all.parse2(tokens) {
        ctxt.push(error);
    }
}

fn argument(
    input: ParseStream<'_>,
    macro_name: &str,
    known: &[Known],
    seen: &mut Vec<Ident>,
    read: &mut impl FnMut(&Ident, ParseStream<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    if !input.peek(Ident::peek_any) {
        let forms: Vec<_> = known.iter().map(|(_, form)| format!("`{form}`")).collect();
        return Err(fault(
            input.span(),
            format!("`#[{macro_name}]` takes no such argument"),
            format!("write one of {}", forms.join(", ")),
        ));
    }
    let word = input.call(Ident::parse_any)?;
    let words: Vec<_> = known.iter().map(|(word, _)| *word).collect();
    let Some((_, form)) = known.iter().find(|(known, _)| word == known) else {
        let what = format!("`#[{macro_name}]` has no argument `{word}`");
        let help = if known.is_empty() {
            format!("write `#[{macro_name}]` alone")
        } else {
            suggest::help(&word.to_string(), &words)
        };
        return Err(fault(word.span(), what, help));
    };
    if seen.contains(&word) {
        return Err(fault(word.span(), format!("`{word}` is given twice"), "keep one of the two"));
    }
    seen.push(word.clone());
    read(&word, input).map_err(|error| fault(error.span(), error, format!("write `{form}`")))
}

/// A word that stands alone: `optional`.
pub(crate) fn alone(word: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
    if input.peek(Token![=]) || input.peek(syn::token::Paren) {
        return Err(input.error(format!("`{word}` takes no value")));
    }
    Ok(())
}

/// A word with a text: `name = "x"`.
pub(crate) fn text(input: ParseStream<'_>) -> syn::Result<LitStr> {
    input.parse::<Token![=]>()?;
    input.parse()
}

/// A word with something else: `settings = HttpSettings`.
pub(crate) fn value<T: syn::parse::Parse>(input: ParseStream<'_>) -> syn::Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}

/// A word with a list: `after(A, B)`.
pub(crate) fn list<T: syn::parse::Parse>(input: ParseStream<'_>) -> syn::Result<Vec<T>> {
    let content;
    syn::parenthesized!(content in input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

fn fault(place: Span, what: impl std::fmt::Display, help: impl std::fmt::Display) -> syn::Error {
    syn::Error::new(place, message(what, help))
}

/// Leaves out what is left of a wrong argument.
fn skip(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        let skipped: syn::Result<proc_macro2::TokenTree> = input.parse();
        skipped.expect("there is a token, since the input is not empty");
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    use super::*;

    fn errors(tokens: TokenStream) -> String {
        let ctxt = Ctxt::new();
        let known = [("name", "name = \"x\""), ("optional", "optional")];
        read(&ctxt, "module", &known, tokens, |word, input| match word.to_string().as_str() {
            "name" => text(input).map(drop),
            _ => Ok(()),
        });
        ctxt.finish().to_string()
    }

    #[test]
    fn reports_every_wrong_argument() {
        assert_eq!(errors(quote!(name = "a", optional)), "");
        let found = errors(quote!(nmae = "a", name = 3, optional, optional, "x" y));
        for message in [
            "has no argument `nmae`",
            "did you mean `name`?",
            "expected string literal",
            "write `name = \\\"x\\\"`",
            "`optional` is given twice",
            "takes no such argument",
        ] {
            assert!(found.contains(message), "{message}: {found}");
        }
    }
}
