//! Tokens as source: how a person would write them, and where an item begins.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Item;

/// The tokens as one line of source: `Option<UserId>`, where a token stream would print
/// `Option < UserId >`.
pub(crate) fn tidy(tokens: TokenStream) -> String {
    let mut text = String::new();
    write(&mut text, tokens);
    text
}

/// The tokens, as if they stood at `place`: for what a message is to show there.
pub(crate) fn placed(tokens: &TokenStream, place: Span) -> TokenStream {
    let at = |mut token: TokenTree| {
        token.set_span(place);
        token
    };
    tokens.clone().into_iter().map(at).collect()
}

fn write(text: &mut String, tokens: TokenStream) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write(text, group.stream());
                text.push_str(close);
            }
            TokenTree::Punct(punct) => write_punct(text, punct.as_char()),
            word => {
                if text.ends_with(|last: char| last.is_alphanumeric() || matches!(last, '_' | ')' | '"')) {
                    text.push(' ');
                }
                text.push_str(&word.to_string());
            }
        }
    }
}

fn write_punct(text: &mut String, punct: char) {
    match punct {
        ',' => text.push_str(", "),
        ';' => text.push_str("; "),
        // The end of an arrow.
        '>' if text.ends_with('-') => {
            text.pop();
            text.push_str(" -> ");
        }
        ':' if text.ends_with(": ") => {
            text.truncate(text.len() - 2);
            text.push_str("::");
        }
        ':' => text.push_str(": "),
        '=' => text.push_str(" = "),
        '+' => text.push_str(" + "),
        '\'' if text.ends_with(|last: char| last.is_alphanumeric()) => text.push_str(" '"),
        other => text.push(other),
    }
}

/// The token that says what kind of item it is.
pub(crate) fn keyword(item: &Item) -> TokenStream {
    match item {
        Item::Fn(item) => item.sig.fn_token.to_token_stream(),
        Item::Struct(item) => item.struct_token.to_token_stream(),
        Item::Enum(item) => item.enum_token.to_token_stream(),
        Item::Trait(item) => item.trait_token.to_token_stream(),
        Item::Impl(item) => item.impl_token.to_token_stream(),
        Item::Union(item) => item.union_token.to_token_stream(),
        Item::Mod(item) => item.mod_token.to_token_stream(),
        other => other.to_token_stream(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_signatures_as_people_do() {
        for signature in [
            "async fn profile(&self, username: String, viewer: Option<UserId>) -> Result<Profile, ProfileError>",
            "fn count(&self) -> Result<u64>",
            "fn m(&self, a: std::collections::HashMap<String, Vec<(u8, [u8; 4])>>, b: Box<dyn Fn(&str) -> bool + Send>) -> R<()>",
        ] {
            assert_eq!(tidy(signature.parse().unwrap()), signature);
        }
    }
}
