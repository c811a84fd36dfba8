//! A line for machines: one JSON object.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;

use super::{Line, SpanLine};
use crate::fields::Fields;

#[derive(Serialize)]
struct Object<'a> {
    timestamp: String,
    level: &'a str,
    target: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    module: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scene: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Fields::is_empty")]
    fields: &'a Fields,
    #[serde(skip_serializing_if = "<[SpanLine]>::is_empty")]
    spans: &'a [SpanLine],
}

impl Line {
    /// The line as one JSON object, without a line break.
    pub(crate) fn json(&self) -> String {
        serde_json::to_string(&self.as_object()).expect("strings and numbers under names of text are JSON")
    }

    /// The same, not as text.
    pub(crate) fn object(&self) -> Value {
        serde_json::to_value(self.as_object()).expect("strings and numbers under names of text are JSON")
    }

    fn as_object(&self) -> Object<'_> {
        Object {
            timestamp: humantime::format_rfc3339_micros(self.at).to_string(),
            level: self.level.as_str(),
            target: &self.target,
            message: &self.message,
            module: self.module.as_deref(),
            scene: self.scene.as_deref(),
            generation: self.generation,
            request_id: self.request_id.as_deref(),
            fields: &self.fields,
            spans: &self.spans,
        }
    }
}

/// Its name beside its fields.
impl Serialize for SpanLine {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("span", self.name)?;
        for (name, value) in self.fields.iter().flat_map(|fields| fields.iter()) {
            if name != "span" {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}
