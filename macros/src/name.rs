//! The rules for names of modules, scenes and starters, and the checks of names in attributes.

use proc_macro2::Span;
use syn::LitStr;

use crate::compiler;
use crate::ctxt::Ctxt;

const RULES: &str = "lower-case letters, digits, `-` and `_`, beginning with a letter, at most 64 bytes";

/// Whether `name` follows the rules, which are those of `bedplate::ModuleName`.
fn is_valid(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_')
}

/// Checks a name that is written in an attribute.
pub(crate) fn check(ctxt: &Ctxt, what: &str, name: &LitStr) {
    let text = name.value();
    if !is_valid(&text) {
        ctxt.error(name, format!("`{text}` is no valid name for a {what}: use {RULES}"), fix(&text));
    }
}

/// The package's name, checked as the name of its module.
pub(crate) fn of_package(ctxt: &Ctxt, place: Span) -> String {
    let name = compiler::variable("CARGO_PKG_NAME").unwrap_or_else(|| "module".to_owned());
    if !is_valid(&name) {
        ctxt.error_at(
            place,
            format!("the package's name `{name}` cannot be the module's: names are {RULES}"),
            format!("give the module a name of its own: `#[module(name = \"{}\")]`", valid(&name)),
        );
    }
    name
}

fn fix(name: &str) -> String {
    format!("write `\"{}\"`", valid(name))
}

/// The nearest valid name.
fn valid(name: &str) -> String {
    let kept: String = name
        .to_lowercase()
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' || letter == '_' { letter } else { '-' })
        .skip_while(|letter| !letter.is_ascii_alphabetic())
        .take(64)
        .collect();
    let kept = kept.trim_end_matches('-');
    if kept.is_empty() { "my-module".to_owned() } else { kept.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fix_is_valid() {
        for (name, fixed) in [("Red Packet", "red-packet"), ("2fa", "fa"), ("", "my-module"), ("a!", "a")] {
            assert!(!is_valid(name));
            assert!(is_valid(fixed));
            assert_eq!(valid(name), fixed);
        }
        assert!(is_valid("red-packet_2"));
        assert!(!is_valid(&"a".repeat(65)));
    }
}
