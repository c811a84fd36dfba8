//! The tree's nodes: a value, and the place it came from.

use std::collections::BTreeMap;
use std::fmt;

use super::Origin;
use super::suggest::normal;

/// A value with its origin.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

#[derive(Clone)]
pub(super) enum Value {
    /// From the environment or the command line: it becomes whatever the reader asks for.
    Text {
        raw: String,
        /// What the text means as a TOML value, where it is one.
        parsed: Option<Box<Node>>,
    },
    String(String),
    Integer(i128),
    Float(f64),
    Boolean(bool),
    Datetime(String),
    Array(Vec<Node>),
    Table(Table),
}

/// How the name of an entry is compared with the key that is looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// From a file or the command line: letter by letter.
    Exact,
    /// From the environment: upper and lower case, `-` and `_` are the same.
    Loose,
}

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) naming: Naming,
    /// Where the key stands, for complaints about the key itself.
    pub(super) key_origin: Origin,
    pub(super) node: Node,
}

impl Entry {
    pub(super) fn is_named(&self, own: &str, asked: &str) -> bool {
        match self.naming {
            Naming::Exact => own == asked,
            Naming::Loose => normal(own) == normal(asked),
        }
    }
}

#[derive(Clone, Default)]
pub(super) struct Table {
    entries: BTreeMap<String, Entry>,
}

impl Table {
    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.entries
            .get(name)
            .or_else(|| self.entries.iter().find(|(own, entry)| entry.is_named(own, name)).map(|(_, entry)| entry))
    }

    pub(super) fn insert(&mut self, name: String, entry: Entry) {
        self.entries.insert(name, entry);
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (&String, &Entry)> {
        self.entries.iter()
    }

    /// Puts the entries of a higher layer over this one: tables key by key, anything else as a whole.
    pub(super) fn overlay(&mut self, higher: &Self) {
        for (name, entry) in &higher.entries {
            let place =
                self.entries.iter_mut().find(|(own, lower)| lower.is_named(own, name) || entry.is_named(name, own));
            match place {
                None => self.insert(name.clone(), entry.clone()),
                Some((_, lower)) => lower.node.overlay(&entry.node),
            }
        }
    }
}

impl Node {
    /// Untyped text, as the environment and the command line give it.
    pub(super) fn text(raw: &str, origin: Origin) -> Self {
        let parsed = super::file::value_of_text(raw, &origin).map(Box::new);
        Self { value: Value::Text { raw: raw.to_owned(), parsed }, origin }
    }

    /// The typed reading of a text, where there is one; otherwise the node itself.
    pub(super) fn typed(&self) -> &Self {
        match &self.value {
            Value::Text { parsed: Some(node), .. } => node,
            _ => self,
        }
    }

    pub(super) fn as_table(&self) -> Option<&Table> {
        match &self.typed().value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(super) fn overlay(&mut self, higher: &Self) {
        match (&mut self.value, higher.as_table()) {
            (Value::Table(lower), Some(table)) => {
                lower.overlay(table);
                self.origin = higher.origin.clone();
            }
            _ => *self = higher.clone(),
        }
    }

    /// What the node is, in words, with its value where that is short: for messages.
    pub(super) fn described(&self) -> String {
        match &self.value {
            Value::Text { raw, .. } | Value::String(raw) => format!("the text {}", shortened(raw)),
            Value::Integer(number) => format!("the whole number {number}"),
            Value::Float(number) => format!("the number {number}"),
            Value::Boolean(value) => value.to_string(),
            Value::Datetime(value) => format!("the date {value}"),
            Value::Array(_) => "a list".to_owned(),
            Value::Table(_) => "a table".to_owned(),
        }
    }

    /// The words of a scalar without quotes, to compare with a list of allowed ones.
    pub(super) fn scalar(&self) -> Option<String> {
        match &self.value {
            Value::Text { raw, .. } | Value::String(raw) | Value::Datetime(raw) => Some(raw.clone()),
            Value::Integer(number) => Some(number.to_string()),
            Value::Float(number) => Some(number.to_string()),
            Value::Boolean(value) => Some(value.to_string()),
            Value::Array(_) | Value::Table(_) => None,
        }
    }
}

/// The value as a TOML file would hold it.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.typed().value {
            Value::Text { raw, .. } | Value::String(raw) => write!(f, "{raw:?}"),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Float(number) => write!(f, "{number:?}"),
            Value::Boolean(value) => write!(f, "{value}"),
            Value::Datetime(value) => f.write_str(value),
            Value::Array(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    let comma = if index > 0 { ", " } else { "" };
                    write!(f, "{comma}{item}")?;
                }
                f.write_str("]")
            }
            Value::Table(table) => {
                f.write_str("{")?;
                for (index, (name, entry)) in table.iter().enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    let key = super::KeyPath::of([name.as_str()]);
                    write!(f, "{comma} {key} = {}", entry.node)?;
                }
                f.write_str(" }")
            }
        }
    }
}

/// Longest text, in characters, that a message repeats in full.
const REPEATED: usize = 60;

fn shortened(text: &str) -> String {
    if text.chars().count() <= REPEATED {
        return format!("{text:?}");
    }
    let start: String = text.chars().take(REPEATED).collect();
    format!("{start:?}…")
}
