//! Asks a type what it would read, without a value: what to call it, and whether a secret is inside.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

use super::deserialize::{DURATION, DURATION_FORM};
use super::read_error::in_words;
use super::secret::SECRET_NAME;
use super::suggest::listed;

/// Most ways through a type (its fields and variants) that are followed.
const RUNS: usize = 512;

/// Deepest nesting that is followed, since a type may contain itself.
const DEPTH: usize = 12;

/// What a type reads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// What to call a value of the type, in words.
    pub(super) name: String,
    /// Whether a [`Secret`](super::Secret) is somewhere inside.
    pub(super) is_secret: bool,
}

/// The shape of a type. A visitor can be asked once only, so each field and variant takes a run of its own.
pub(super) fn shape_of<T: DeserializeOwned>() -> Shape {
    let notes = RefCell::new(Notes::default());
    for _ in 0..RUNS {
        let _ = T::deserialize(Probe { notes: &notes, depth: 0 });
        if !notes.borrow_mut().next_run() {
            break;
        }
    }
    let notes = notes.into_inner();
    Shape { name: notes.names.join(" of "), is_secret: notes.is_secret }
}

#[derive(Default)]
struct Notes {
    names: Vec<String>,
    is_named: bool,
    is_secret: bool,
    /// The choices of this run: which of how many.
    choices: Vec<(usize, usize)>,
    position: usize,
}

impl Notes {
    fn choose(&mut self, count: usize) -> usize {
        if self.position == self.choices.len() {
            self.choices.push((0, count));
        }
        self.position += 1;
        self.choices[self.position - 1].0
    }

    /// Turns to the next combination of choices; false when all were made.
    fn next_run(&mut self) -> bool {
        self.position = 0;
        self.is_named = true;
        while let Some((choice, count)) = self.choices.pop() {
            if choice + 1 < count {
                self.choices.push((choice + 1, count));
                return true;
            }
        }
        false
    }
}

/// Ends every run: a probe has no value to give.
#[derive(Debug)]
struct Asked;

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a probe has no value")
    }
}

impl std::error::Error for Asked {}

impl serde::de::Error for Asked {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

#[derive(Clone, Copy)]
struct Probe<'n> {
    notes: &'n RefCell<Notes>,
    depth: usize,
}

impl Probe<'_> {
    fn name(&self, name: impl Into<String>) {
        let mut notes = self.notes.borrow_mut();
        if !notes.is_named {
            notes.names.push(name.into());
            notes.is_named = true;
        }
    }

    /// A list is called by its elements too, so the name is not complete yet.
    fn name_list(&self) {
        let mut notes = self.notes.borrow_mut();
        if !notes.is_named {
            notes.names.push("a list".to_owned());
        }
    }

    fn scalar<T>(&self, expected: &dyn Expected) -> Result<T, Asked> {
        self.name(in_words(&expected.to_string()));
        Err(Asked)
    }

    fn deeper(self) -> Result<Self, Asked> {
        let depth = self.depth + 1;
        if depth > DEPTH { Err(Asked) } else { Ok(Self { depth, ..self }) }
    }

    /// Visits the one field that this run looks at.
    fn visit_fields<'de, V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Asked> {
        if fields.is_empty() {
            return Err(Asked);
        }
        let choice = self.notes.borrow_mut().choose(fields.len());
        visitor.visit_map(One { key: Some(fields[choice]), probe: self.deeper()? })
    }
}

macro_rules! scalars {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Asked> {
            self.scalar(&visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Asked;

    scalars! {
        deserialize_any deserialize_bool deserialize_char deserialize_str deserialize_string
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_bytes deserialize_byte_buf deserialize_unit
        deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Asked> {
        self.scalar(&visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Asked> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Asked> {
        if name == SECRET_NAME {
            self.notes.borrow_mut().is_secret = true;
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Asked> {
        self.name_list();
        visitor.visit_seq(One { key: None, probe: self.deeper()? })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Asked> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Asked> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Asked> {
        self.name("a table");
        visitor.visit_map(One { key: Some("0"), probe: self.deeper()? })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Asked> {
        if (name, fields) == DURATION {
            self.name(DURATION_FORM);
            return Err(Asked);
        }
        self.name("a table");
        self.visit_fields(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Asked> {
        self.name(format!("one of {}", listed(variants)));
        if variants.is_empty() {
            return Err(Asked);
        }
        let choice = self.notes.borrow_mut().choose(variants.len());
        visitor.visit_enum(One { key: Some(variants[choice]), probe: self.deeper()? })
    }
}

/// One element, entry or variant, whose value is the probe.
struct One<'n> {
    key: Option<&'static str>,
    probe: Probe<'n>,
}

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Asked;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Asked> {
        seed.deserialize(self.probe).map(Some)
    }
}

impl<'de> MapAccess<'de> for One<'_> {
    type Error = Asked;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Asked> {
        let Some(name) = self.key.take() else {
            return Ok(None);
        };
        let key: StrDeserializer<'_, Asked> = name.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Asked> {
        seed.deserialize(self.probe)
    }
}

impl<'de> EnumAccess<'de> for One<'_> {
    type Error = Asked;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Asked> {
        let name: StrDeserializer<'_, Asked> = self.key.unwrap_or_default().into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for One<'_> {
    type Error = Asked;

    fn unit_variant(self) -> Result<(), Asked> {
        Err(Asked)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Asked> {
        seed.deserialize(self.probe)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Asked> {
        visitor.visit_seq(self)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Asked> {
        self.probe.visit_fields(fields, visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::SocketAddr;
    use std::time::Duration;

    use serde::Deserialize;

    use super::*;
    use crate::settings::{ByteSize, Secret};

    fn name<T: DeserializeOwned>() -> String {
        shape_of::<T>().name
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    #[allow(dead_code, reason = "only its shape is looked at")]
    enum Format {
        Human,
        JsonLines,
        With { name: String, token: Secret<String> },
    }

    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape is looked at")]
    struct Account {
        name: String,
        keys: Vec<Option<Format>>,
        parent: Option<Box<Account>>,
    }

    #[test]
    fn types_are_called_in_words() {
        assert_eq!(name::<u16>(), "a whole number from 0 to 65535");
        assert_eq!(name::<Option<bool>>(), "true or false");
        assert_eq!(name::<Vec<String>>(), "a list of text");
        assert_eq!(name::<Duration>(), DURATION_FORM);
        assert_eq!(name::<HashMap<u8, bool>>(), "a table");
        assert_eq!(name::<Format>(), "one of human, json-lines, with");
        assert!(name::<ByteSize>().contains("2MB"));
        assert!(name::<SocketAddr>().contains("socket address"));
    }

    #[test]
    fn a_secret_is_found_however_deep_it_is() {
        assert!(shape_of::<Secret<u8>>().is_secret);
        assert_eq!(name::<Secret<String>>(), "text");
        assert!(shape_of::<Option<Vec<Secret<u8>>>>().is_secret);
        assert!(shape_of::<HashMap<String, Secret<u8>>>().is_secret);
        assert!(shape_of::<Format>().is_secret);
        assert!(shape_of::<Account>().is_secret);
        assert!(!shape_of::<Vec<String>>().is_secret);
    }
}
