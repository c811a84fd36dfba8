//! One line of the log: what happened, where, and on behalf of which module.

mod human;
mod json;

use std::sync::Arc;
use std::time::SystemTime;

use bedplate::isolation;
use serde_json::Value;
use tracing::{Event, Level};
use tracing_log::NormalizeEvent;

use crate::fields::Fields;

pub(crate) use human::Colour;

/// One line of the log.
#[derive(Debug)]
pub(crate) struct Line {
    at: SystemTime,
    level: Level,
    target: String,
    message: String,
    module: Option<String>,
    scene: Option<String>,
    /// The generation of the module at work.
    generation: Option<u64>,
    request_id: Option<String>,
    /// What is in none of the fields above.
    fields: Fields,
    /// The spans around the event, the innermost first.
    spans: Vec<SpanLine>,
}

/// One of the spans around an event.
#[derive(Debug)]
pub(crate) struct SpanLine {
    name: &'static str,
    fields: Option<Arc<Fields>>,
}

impl SpanLine {
    pub(crate) fn of(name: &'static str, fields: Option<&Arc<Fields>>) -> Self {
        Self { name, fields: fields.cloned() }
    }

    fn field(&self, name: &str) -> Option<&Value> {
        self.fields.as_ref()?.get(name)
    }
}

impl Line {
    /// The line of an event that happens now, on this thread.
    pub(crate) fn of(event: &Event<'_>, mut fields: Fields, spans: Vec<SpanLine>) -> Self {
        // What came over the `log` crate carries its target in fields of its own.
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        if normalized.is_some() {
            for name in ["log.target", "log.module_path", "log.file", "log.line"] {
                fields.take(name);
            }
        }
        let message = fields.take("message").map(text).unwrap_or_default();
        let (module, scene, generation) = identity(&mut fields, &spans);
        let request_id = fields.take("request_id").or_else(|| from_spans(&spans, "request_id")).map(text);
        Self {
            at: SystemTime::now(),
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            message,
            module,
            scene,
            generation,
            request_id,
            fields,
            spans,
        }
    }
}

impl Line {
    /// The module that wrote it, or that it is about.
    pub(crate) fn module(&self) -> Option<&str> {
        self.module.as_deref()
    }

    /// The memory that it takes, about. What it shares with other lines of a span counts in full.
    pub(crate) fn bytes(&self) -> usize {
        let of_fields =
            |fields: &Fields| fields.iter().map(|(name, value)| name.len() + bytes_of(value)).sum::<usize>();
        let texts = [&self.module, &self.scene, &self.request_id];
        size_of::<Self>()
            + self.target.len()
            + self.message.len()
            + texts.iter().map(|text| text.as_ref().map_or(0, String::len)).sum::<usize>()
            + of_fields(&self.fields)
            + self.spans.iter().map(|span| span.name.len() + span.fields.as_deref().map_or(0, of_fields)).sum::<usize>()
    }
}

/// The memory of a field's value. Fields hold texts, numbers and truths, and nothing nested.
fn bytes_of(value: &Value) -> usize {
    size_of::<Value>() + value.as_str().map_or(0, str::len)
}

/// Whose line it is: that of the module at work. A line of the base says in its own fields, or in
/// those of its spans, which module it is about.
fn identity(fields: &mut Fields, spans: &[SpanLine]) -> (Option<String>, Option<String>, Option<u64>) {
    if let Some(at_work) = isolation::current() {
        let id = at_work.instance;
        let (module, scene) = (id.module.to_string(), id.scene.to_string());
        // Said twice is said once; what differs is about somebody else, and stays.
        for (name, value) in [("module", &module), ("scene", &scene)] {
            if fields.get(name).and_then(Value::as_str) == Some(value) {
                fields.take(name);
            }
        }
        return (Some(module), Some(scene), Some(id.generation));
    }
    // A connection's thread is no module's at work, and belongs to one all the same.
    if let Some(owner) = isolation::thread_owner() {
        return (Some(owner.module.to_string()), Some(owner.scene.to_string()), None);
    }
    let mut about = |name| fields.take(name).or_else(|| from_spans(spans, name)).map(text);
    (about("module"), about("scene"), None)
}

fn from_spans(spans: &[SpanLine], name: &str) -> Option<Value> {
    spans.iter().find_map(|span| span.field(name)).cloned()
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
