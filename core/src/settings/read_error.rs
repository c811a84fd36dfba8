//! The first error that serde met inside one value, with the node it met it at.

use std::fmt::{self, Display};

use serde::de::{Error, Expected, Unexpected};

use super::Origin;
use super::node::Node;
use super::suggest::{did_you_mean, listed};

/// Why a value could not be read.
#[derive(Clone, Debug)]
pub(super) struct ReadError {
    pub(super) reason: Reason,
    /// The segments from the value's own key down to the part that is wrong.
    pub(super) below: Vec<String>,
    /// The part that is wrong: where it stands, and what it is.
    pub(super) part: Option<Box<(Origin, String)>>,
}

#[derive(Clone, Debug)]
pub(super) enum Reason {
    /// Something else was expected; the text says what.
    Expected(String),
    /// A part that must be there is not.
    Missing(&'static str),
    /// A key or word that is not one of those that are allowed.
    Unknown { word: String, allowed: Vec<&'static str> },
    /// What the type's own reader says. It may repeat the value.
    Own(String),
}

impl ReadError {
    pub(super) fn expected(what: impl Into<String>) -> Self {
        Self::of(Reason::Expected(what.into()))
    }

    pub(super) fn mismatch(expected: &dyn Expected) -> Self {
        Self::expected(in_words(&expected.to_string()))
    }

    /// In the words of whoever reads the value, which may repeat it.
    pub(super) fn own(text: String) -> Self {
        Self::of(Reason::Own(text))
    }

    fn of(reason: Reason) -> Self {
        Self { reason, below: Vec::new(), part: None }
    }

    /// Says at which node this happened, unless a part of it has been named already.
    pub(super) fn at(mut self, node: &Node) -> Self {
        self.part.get_or_insert_with(|| Box::new((node.origin.clone(), node.described())));
        self
    }

    /// The same for the key of an entry, which has no node.
    pub(super) fn at_key(mut self, name: &str, origin: &Origin) -> Self {
        if self.part.is_none() {
            self.part = Some(Box::new((origin.clone(), format!("the key {name:?}"))));
            self.below.insert(0, name.to_owned());
        }
        self
    }

    /// Says that this happened below the entry of that name.
    pub(super) fn within(mut self, name: &str) -> Self {
        self.below.insert(0, name.to_owned());
        self
    }

    /// The rest of the sentence that begins with the key's path. `shown` is what the value is, unless it is secret.
    pub(super) fn sentence(&self, shown: Option<&str>) -> String {
        match (&self.reason, shown) {
            (Reason::Missing(field), _) => format!("has no `{field}`, which it needs"),
            (Reason::Expected(wanted), Some(found)) => {
                format!("must be {wanted}, but it is {found}")
            }
            (Reason::Expected(wanted), None) => format!("must be {wanted}"),
            (Reason::Unknown { allowed, .. }, None) => {
                format!("must be one of {}", listed(allowed))
            }
            (Reason::Unknown { word, .. }, Some(_)) => format!("does not take `{word}`"),
            (Reason::Own(text), Some(_)) => format!("cannot be read: {text}"),
            (Reason::Own(_), None) => "cannot be read".to_owned(),
        }
    }

    /// What to do about it, where the reason itself tells.
    pub(super) fn help(&self) -> Option<String> {
        match &self.reason {
            Reason::Unknown { word, allowed } => {
                let meant = did_you_mean(word, allowed.iter().copied())
                    .map(|name| format!("did you mean `{name}`? "))
                    .unwrap_or_default();
                Some(format!("{meant}It takes: {}", listed(allowed)))
            }
            Reason::Expected(_) | Reason::Missing(_) | Reason::Own(_) => None,
        }
    }
}

/// What a type of the standard library expects, in a reader's words.
pub(super) fn in_words(expected: &str) -> String {
    let whole = |low: i128, high: i128| format!("a whole number from {low} to {high}");
    match expected {
        "i8" => whole(i8::MIN.into(), i8::MAX.into()),
        "i16" => whole(i16::MIN.into(), i16::MAX.into()),
        "i32" => whole(i32::MIN.into(), i32::MAX.into()),
        "i64" | "isize" | "i128" => "a whole number".to_owned(),
        "u8" => whole(0, u8::MAX.into()),
        "u16" => whole(0, u16::MAX.into()),
        "u32" => whole(0, u32::MAX.into()),
        "u64" | "usize" | "u128" => "a whole number, 0 or more".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        "a character" => "one character".to_owned(),
        other => match other.strip_prefix("a nonzero ") {
            Some("u8") => whole(1, u8::MAX.into()),
            Some("u16") => whole(1, u16::MAX.into()),
            Some("u32") => whole(1, u32::MAX.into()),
            Some("u64" | "usize" | "u128") => "a whole number, 1 or more".to_owned(),
            _ if other.starts_with("struct ") => "a table".to_owned(),
            _ => other.to_owned(),
        },
    }
}

impl Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the value: whoever prints this does not know whether it is secret.
        f.write_str(&self.sentence(None))
    }
}

impl std::error::Error for ReadError {}

impl Error for ReadError {
    fn custom<T: Display>(message: T) -> Self {
        Self::own(message.to_string())
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::mismatch(expected)
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::mismatch(expected)
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::own(format!("{length} elements, expected {expected}"))
    }

    fn unknown_variant(word: &str, allowed: &'static [&'static str]) -> Self {
        Self::unknown_field(word, allowed)
    }

    fn unknown_field(word: &str, allowed: &'static [&'static str]) -> Self {
        Self::of(Reason::Unknown { word: word.to_owned(), allowed: allowed.to_vec() })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::of(Reason::Missing(field))
    }
}
