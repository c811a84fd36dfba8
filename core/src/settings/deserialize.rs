//! serde's view of a node: text becomes what is asked for, and an error knows its node.

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::{Entry, Naming, Node, Table, Value};
use super::read_error::ReadError;

/// What `std::time::Duration` asks its deserializer for.
pub(super) const DURATION: (&str, &[&str]) = ("Duration", &["secs", "nanos"]);

/// What a duration looks like, for messages.
pub(super) const DURATION_FORM: &str = "a duration such as \"30s\" or \"1h 5m\"";

macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            self.visit_integer(visitor)
        }
    )*};
}

macro_rules! texts {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            match &self.value {
                Value::Text { raw, .. } | Value::String(raw) | Value::Datetime(raw) => visitor.visit_str(raw),
                _ => Err(ReadError::mismatch(&visitor)),
            }
            .map_err(|error| error.at(self))
        }
    )*};
}

impl Node {
    fn visit_integer<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, ReadError> {
        let number = match &self.typed().value {
            Value::Integer(number) => Some(*number),
            Value::Text { raw, .. } => raw.trim().parse().ok(),
            _ => None,
        };
        match number {
            None => Err(ReadError::mismatch(&visitor)),
            Some(number) => match (i64::try_from(number), u64::try_from(number)) {
                (Ok(number), _) => visitor.visit_i64(number),
                (_, Ok(number)) => visitor.visit_u64(number),
                _ => visitor.visit_i128(number),
            },
        }
        .map_err(|error: ReadError| error.at(self))
    }

    fn visit_float<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.typed().value {
            Value::Float(number) => visitor.visit_f64(*number),
            // A whole number is a number too, as long as no digit is lost.
            Value::Integer(number) if number.unsigned_abs() <= 1 << 53 => visitor.visit_f64(*number as f64),
            _ => Err(ReadError::mismatch(&visitor)),
        }
        .map_err(|error: ReadError| error.at(self))
    }

    fn visit_duration<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, ReadError> {
        let wanted = || ReadError::expected(DURATION_FORM);
        match &self.value {
            Value::Text { raw, .. } | Value::String(raw) => match humantime::parse_duration(raw.trim()) {
                Ok(duration) => {
                    let parts = [duration.as_secs(), u64::from(duration.subsec_nanos())];
                    visitor.visit_seq(serde::de::value::SeqDeserializer::<_, ReadError>::new(parts.into_iter()))
                }
                Err(_) => Err(wanted()),
            },
            _ => Err(wanted()),
        }
        .map_err(|error| error.at(self))
    }

    fn visit_table<'de, V: Visitor<'de>>(
        &'de self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match self.as_table() {
            Some(table) => visitor.visit_map(Entries::new(table, fields)),
            None => Err(ReadError::mismatch(&visitor)),
        }
        .map_err(|error| error.at(self))
    }
}

impl<'de> Deserializer<'de> for &'de Node {
    type Error = ReadError;

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
    }

    texts! { deserialize_str deserialize_string deserialize_char deserialize_identifier }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.typed().value {
            Value::Text { raw, .. } | Value::String(raw) | Value::Datetime(raw) => visitor.visit_str(raw),
            Value::Integer(_) => return self.visit_integer(visitor),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Array(items) => visitor.visit_seq(Items::new(items)),
            Value::Table(table) => visitor.visit_map(Entries::new(table, &[])),
        }
        .map_err(|error: ReadError| error.at(self))
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.visit_float(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.visit_float(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.typed().value {
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Text { raw, .. } if raw.trim().eq_ignore_ascii_case("true") => visitor.visit_bool(true),
            Value::Text { raw, .. } if raw.trim().eq_ignore_ascii_case("false") => visitor.visit_bool(false),
            _ => Err(ReadError::mismatch(&visitor)),
        }
        .map_err(|error: ReadError| error.at(self))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self).map_err(|error| error.at(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.typed().value {
            Value::Array(items) => visitor.visit_seq(Items::new(items)),
            _ => Err(ReadError::mismatch(&visitor)),
        }
        .map_err(|error| error.at(self))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.visit_table(&[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        if (name, fields) == DURATION {
            return self.visit_duration(visitor);
        }
        self.visit_table(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let only_entry = self.as_table().map(Table::iter).filter(|entries| entries.len() == 1);
        match (&self.value, only_entry.and_then(|mut entries| entries.next())) {
            (_, Some((name, entry))) => {
                visitor.visit_enum(Variant { name: known_name(name, entry, variants), content: Some(&entry.node) })
            }
            (Value::Text { raw, .. } | Value::String(raw), _) => {
                visitor.visit_enum(Variant { name: raw, content: None })
            }
            _ => Err(ReadError::mismatch(&visitor)),
        }
        .map_err(|error| error.at(self))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { bytes byte_buf unit unit_struct }
}

/// The name of the field or variant that an entry means: one from the environment has lost its case and dashes.
fn known_name<'n>(name: &'n str, entry: &Entry, known: &[&'n str]) -> &'n str {
    match entry.naming {
        Naming::Exact => name,
        Naming::Loose => known.iter().copied().find(|known| entry.is_named(name, known)).unwrap_or(name),
    }
}

struct Items<'de> {
    items: std::iter::Enumerate<std::slice::Iter<'de, Node>>,
}

impl<'de> Items<'de> {
    fn new(items: &'de [Node]) -> Self {
        Self { items: items.iter().enumerate() }
    }
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        self.items
            .next()
            .map(|(index, item)| seed.deserialize(item).map_err(|error| error.within(&index.to_string())))
            .transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Entries<'de> {
    entries: Vec<(&'de str, &'de Entry)>,
    next: usize,
    fields: &'static [&'static str],
}

impl<'de> Entries<'de> {
    fn new(table: &'de Table, fields: &'static [&'static str]) -> Self {
        Self { entries: table.iter().map(|(name, entry)| (name.as_str(), entry)).collect(), next: 0, fields }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        let Some((name, entry)) = self.entries.get(self.next) else {
            return Ok(None);
        };
        let name = known_name(name, entry, self.fields);
        seed.deserialize(MapKey(name)).map(Some).map_err(|error| error.at_key(name, &entry.key_origin))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let (name, entry) = self.entries[self.next];
        self.next += 1;
        seed.deserialize(&entry.node).map_err(|error| error.within(name))
    }
}

/// The key of an entry: text, or a number where the map asks for one.
struct MapKey<'de>(&'de str);

macro_rules! key_numbers {
    ($($method:ident $visit:ident $number:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            match self.0.parse::<$number>() {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(ReadError::mismatch(&visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for MapKey<'de> {
    type Error = ReadError;

    key_numbers! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_str(self.0)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        let name: StrDeserializer<'_, ReadError> = self.0.into_deserializer();
        visitor.visit_enum(name)
    }

    forward_to_deserialize_any! {
        bool i128 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Variant<'de> {
    name: &'de str,
    content: Option<&'de Node>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = ReadError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), ReadError> {
        let name: StrDeserializer<'_, ReadError> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> Variant<'de> {
    fn content(&self) -> Result<&'de Node, ReadError> {
        self.content.ok_or_else(|| ReadError::own(format!("`{}` needs a value: {{ {} = … }}", self.name, self.name)))
    }

    fn within<T>(name: &str, read: Result<T, ReadError>) -> Result<T, ReadError> {
        read.map_err(|error| error.within(name))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = ReadError;

    fn unit_variant(self) -> Result<(), ReadError> {
        match self.content {
            None => Ok(()),
            Some(_) => Err(ReadError::own(format!("`{}` takes no value", self.name))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, ReadError> {
        Self::within(self.name, seed.deserialize(self.content()?))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, ReadError> {
        Self::within(self.name, self.content()?.deserialize_tuple(len, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        Self::within(self.name, self.content()?.visit_table(fields, visitor))
    }
}
