//! What `#[derive(Settings)]` knows of a type: its keys, their help, defaults and limits.

use std::any::Any;
use std::time::Duration;

use serde::Serialize;

use super::probe::shape_of;
use super::secret::MASK;
use super::{Place, SettingValue, Settings};

/// The keys that a type reads from its section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Schema {
    /// The documentation of the type; empty where it has none.
    pub help: String,
    /// Where the type is declared.
    pub place: Place,
    /// The keys in the order of their declaration.
    pub keys: Vec<Key>,
}

/// One key of a [`Schema`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Key {
    /// The key's name within its section.
    pub name: String,
    /// The documentation of the field; empty where it has none.
    pub help: String,
    /// What a value is, in words, such as `a whole number from 0 to 65535`.
    pub type_name: String,
    /// The default as a file would hold it; masked where the key is secret.
    pub default: Option<String>,
    /// Whether a source must give a value.
    pub required: bool,
    /// Whether the value is never printed.
    pub secret: bool,
    /// The values that are allowed, as a Rust range such as `1..=100`.
    pub range: Option<String>,
    /// The words that are allowed; empty where all are.
    pub allowed: Vec<String>,
    /// The keys below this one, where it is a table of settings.
    pub nested: Option<Schema>,
    /// Where the field is declared.
    pub place: Place,
}

impl Schema {
    /// A schema without keys yet, for a type that is declared in this place.
    pub fn new(help: &str, file: &str, line: u32) -> Self {
        Self { help: help.to_owned(), place: place(file, line), keys: Vec::new() }
    }

    /// Adds a key.
    #[must_use]
    pub fn key(mut self, key: Key) -> Self {
        self.keys.push(key);
        self
    }

    /// The key of that name.
    pub fn find(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

impl Key {
    /// A required key whose value is a `T`.
    pub fn of<T: SettingValue>(name: &str) -> Self {
        let shape = shape_of::<T>();
        Self::plain(name, shape.name, shape.is_secret)
    }

    /// A table of settings that has its own schema. It may be absent: then all its keys are.
    pub fn nested<S: Settings>(name: &str) -> Self {
        let mut key = Self::plain(name, "a table".to_owned(), false);
        key.required = false;
        key.nested = Some(S::schema());
        key
    }

    fn plain(name: &str, type_name: String, secret: bool) -> Self {
        Self {
            name: name.to_owned(),
            help: String::new(),
            type_name,
            default: None,
            required: true,
            secret,
            range: None,
            allowed: Vec::new(),
            nested: None,
            place: Place::default(),
        }
    }

    /// Sets the documentation.
    #[must_use]
    pub fn help(mut self, help: &str) -> Self {
        self.help = help.to_owned();
        self
    }

    /// Says where the field is declared.
    #[must_use]
    pub fn declared_at(mut self, file: &str, line: u32) -> Self {
        self.place = place(file, line);
        self
    }

    /// Allows the key to be absent.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// Keeps the value from being printed. A type that holds a [`Secret`](super::Secret) needs no such word.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.secret = true;
        self.default = self.default.map(|_| MASK.to_owned());
        self
    }

    /// Shows a default, written as a file would hold it.
    #[must_use]
    pub fn default_text(mut self, text: &str) -> Self {
        self.required = false;
        self.default = Some(if self.secret { MASK.to_owned() } else { text.to_owned() });
        self
    }

    /// Shows the range that values are held to.
    #[must_use]
    pub fn range(mut self, range: &str) -> Self {
        self.range = Some(range.to_owned());
        self
    }

    /// Allows these words only; for a list, each of its elements must be one of them.
    #[must_use]
    pub fn allowed(mut self, words: &[&str]) -> Self {
        self.allowed = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }
}

fn place(file: &str, line: u32) -> Place {
    Place { file: file.to_owned(), line }
}

/// A default value, to be shown as text: as a file would hold it if its type can be serialized, else as `Debug`
/// prints it, else as its Rust source. Used by the derive through `default_text!`.
#[doc(hidden)]
pub struct Shown<'v, T>(pub &'v T);

/// The first choice: the type can be serialized.
#[doc(hidden)]
pub trait ShownAsValue {
    fn shown(&self, source: &str) -> String;
}

impl<T: Serialize + Any> ShownAsValue for &&Shown<'_, T> {
    fn shown(&self, source: &str) -> String {
        if let Some(duration) = (self.0 as &dyn Any).downcast_ref::<Duration>() {
            return format!("{:?}", humantime::format_duration(*duration).to_string());
        }
        serde_json::to_value(self.0).map_or_else(|_| source.to_owned(), |value| as_toml(&value))
    }
}

/// The second choice: the type can be debugged.
#[doc(hidden)]
pub trait ShownAsDebug {
    fn shown(&self, source: &str) -> String;
}

impl<T: std::fmt::Debug> ShownAsDebug for &Shown<'_, T> {
    fn shown(&self, _source: &str) -> String {
        format!("{:?}", self.0)
    }
}

/// The last choice: the text of the expression.
#[doc(hidden)]
pub trait ShownAsSource {
    fn shown(&self, source: &str) -> String;
}

impl<T> ShownAsSource for Shown<'_, T> {
    fn shown(&self, source: &str) -> String {
        source.to_owned()
    }
}

fn as_toml(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::Array(items) => {
            let items: Vec<_> = items.iter().map(as_toml).collect();
            format!("[{}]", items.join(", "))
        }
        serde_json::Value::Object(entries) if entries.is_empty() => "{}".to_owned(),
        serde_json::Value::Object(entries) => {
            let entries: Vec<_> = entries
                .iter()
                .map(|(name, value)| format!("{} = {}", super::KeyPath::of([name.as_str()]), as_toml(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        scalar => scalar.to_string(),
    }
}

/// The text of a default, by the best way that its type allows.
#[doc(hidden)]
#[macro_export]
macro_rules! __settings_default_text {
    ($value:expr, $source:expr) => {{
        #[allow(unused_imports, reason = "which of them is used depends on the type")]
        use $crate::settings::schema::{ShownAsDebug as _, ShownAsSource as _, ShownAsValue as _};
        let value = $value;
        (&&&$crate::settings::schema::Shown(&value)).shown($source)
    }};
}
