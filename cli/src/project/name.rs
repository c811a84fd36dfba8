//! Names of crates that are to be made.

use anyhow::Result;

use crate::failure::Failure;

/// Words that cannot be the name of a crate that others use.
const RESERVED: [&str; 48] = [
    "abstract",
    "alloc",
    "as",
    "async",
    "await",
    "become",
    "bedplate",
    "box",
    "break",
    "const",
    "continue",
    "core",
    "crate",
    "do",
    "dyn",
    "else",
    "enum",
    "extern",
    "false",
    "final",
    "fn",
    "for",
    "if",
    "impl",
    "in",
    "let",
    "loop",
    "macro",
    "match",
    "mod",
    "move",
    "mut",
    "proc_macro",
    "pub",
    "ref",
    "return",
    "self",
    "static",
    "std",
    "struct",
    "super",
    "test",
    "trait",
    "true",
    "type",
    "unsafe",
    "use",
    "while",
];

/// Refuses what is no name of a crate.
pub(super) fn check(name: &str, of: &str) -> Result<()> {
    let why = if name.is_empty() {
        Some("it is empty".to_owned())
    } else if !name.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        Some("it does not begin with a letter".to_owned())
    } else if let Some(letter) =
        name.chars().find(|letter| !letter.is_ascii_lowercase() && !letter.is_ascii_digit() && !"-_".contains(*letter))
    {
        Some(format!("`{letter}` is not among a-z, 0-9, - and _"))
    } else if RESERVED.contains(&name.replace('-', "_").as_str()) {
        Some("Rust, or bedplate, has a use of its own for the word".to_owned())
    } else {
        None
    };
    match why {
        None => Ok(()),
        Some(why) => Err(Failure::error(
            "invalid-name",
            format!("`{name}` cannot be the name of {of}: {why}"),
            "a name such as `orders` or `red-packet`",
        )),
    }
}

/// The name as a type's: `red-packet` is `RedPacket`.
pub(super) fn type_name(name: &str) -> String {
    let parts = name.split(['-', '_']).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let mut letters = part.chars();
            letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_crates_pass_and_nothing_else() {
        for name in ["orders", "red-packet", "a1", "red_packet"] {
            check(name, "a module").unwrap();
        }
        for name in ["", "1a", "Orders", "ord ers", "../x", "async", "std", "bedplate", "é", "-a"] {
            let error = check(name, "a module").unwrap_err().to_string();
            assert!(error.contains("cannot be the name of a module"), "{error}");
        }
    }

    #[test]
    fn a_type_has_the_name_in_its_own_form() {
        assert_eq!(type_name("red-packet"), "RedPacket");
        assert_eq!(type_name("orders"), "Orders");
        assert_eq!(type_name("a__b2"), "AB2");
    }
}
