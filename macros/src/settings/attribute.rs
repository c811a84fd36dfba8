//! Reads the words inside `#[setting(...)]`, and documentation.

use proc_macro2::{Ident, Span, TokenTree};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, LitStr, Meta, Token};

use crate::ctxt::Ctxt;
use crate::suggest;

/// One word of an attribute: `default`, `default = 1`, or `allowed("a", "b")`.
pub(super) struct Word {
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) argument: Argument,
}

pub(super) enum Argument {
    None,
    Value(Box<Expr>),
    List(Vec<Expr>),
}

/// The words of all `#[setting(...)]` in the list. `names` are those that are allowed in this place; `elsewhere` are
/// allowed in another place, which the text names.
pub(super) fn words(attributes: &[Attribute], names: &[&str], elsewhere: (&[&str], &str), ctxt: &Ctxt) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("settings")) {
        ctxt.error(attribute.path(), "unknown attribute `settings`", "write #[setting(...)]");
    }
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("setting")) {
        let Meta::List(_) = &attribute.meta else {
            let help = format!("write #[setting(...)] with one or more of: {}", names.join(", "));
            ctxt.error(attribute, "`setting` needs parentheses", help);
            continue;
        };
        let parsed = attribute.parse_args_with(|input: ParseStream<'_>| {
            while !input.is_empty() {
                let name = input.call(Ident::parse_any)?;
                let text = name.unraw().to_string();
                if names.contains(&text.as_str()) {
                    let word = word(text, name.span(), input)?;
                    if words.iter().any(|other| other.name == word.name) {
                        ctxt.error_at(word.span, format!("`{}` is given twice", word.name), "remove one of them");
                    } else {
                        words.push(word);
                    }
                } else {
                    let help = match elsewhere.0.contains(&text.as_str()) {
                        true => format!("`{text}` belongs {}; allowed here: {}", elsewhere.1, names.join(", ")),
                        false => suggest::help(&text, names),
                    };
                    ctxt.error_at(name.span(), format!("unknown attribute `{text}`"), help);
                    skip(input)?;
                }
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        });
        if let Err(error) = parsed {
            let help = "write words with commas between them, such as #[setting(default = 5, range = 1..=9)]";
            ctxt.error_at(error.span(), error, help);
        }
    }
    words
}

fn word(name: String, span: Span, input: ParseStream<'_>) -> syn::Result<Word> {
    let argument = if input.peek(Token![=]) {
        input.parse::<Token![=]>()?;
        Argument::Value(Box::new(input.parse()?))
    } else if input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in input);
        let list = Punctuated::<Expr, Token![,]>::parse_terminated(&content)?;
        Argument::List(list.into_iter().collect())
    } else {
        Argument::None
    };
    Ok(Word { name, span, argument })
}

/// Passes over what follows an unknown word, up to the next comma.
fn skip(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}

impl Word {
    /// No argument, or a mistake.
    pub(super) fn alone(&self, ctxt: &Ctxt) {
        if !matches!(self.argument, Argument::None) {
            let name = &self.name;
            ctxt.error_at(self.span, format!("`{name}` takes no value"), format!("write `{name}` alone"));
        }
    }

    /// The expression after `=`, or a mistake.
    pub(super) fn value(&self, example: &str, ctxt: &Ctxt) -> Option<&Expr> {
        match &self.argument {
            Argument::Value(value) => Some(value),
            _ => {
                let name = &self.name;
                ctxt.error_at(self.span, format!("`{name}` needs a value"), format!("write {name} = {example}"));
                None
            }
        }
    }
}

/// The string of a literal expression.
pub(super) fn string(expression: &Expr) -> Option<&LitStr> {
    match expression {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
        _ => None,
    }
}
