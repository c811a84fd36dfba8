//! A line for people: time, level, target, message, then fields and spans.

use std::fmt::Write;

use serde_json::Value;
use tracing::Level;

use super::{Line, SpanLine};

/// Whether a line is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    Coloured,
    Plain,
}

impl Line {
    /// The line as people read it, without the last line break.
    pub(crate) fn human(&self, colour: Colour) -> String {
        let mut line = humantime::format_rfc3339_micros(self.at).to_string();
        line.push(' ');
        line.push_str(&level(self.level, colour));
        line.push(' ');
        put_escaped(&mut line, &self.target);
        line.push(':');
        if !self.message.is_empty() {
            line.push(' ');
            put_message(&mut line, &self.message);
        }
        for (name, value) in self.fields.iter() {
            put_field(&mut line, name, value);
        }
        for (name, value) in [("module", &self.module), ("scene", &self.scene), ("request_id", &self.request_id)] {
            if let Some(value) = value {
                put_text_field(&mut line, name, value);
            }
        }
        for span in &self.spans {
            self.put_span(&mut line, span);
        }
        line
    }

    /// A span that says nothing but what the line has said is left out.
    fn put_span(&self, line: &mut String, span: &SpanLine) {
        let fields: Vec<_> = span.fields.iter().flat_map(|fields| fields.iter()).collect();
        let news: Vec<_> = fields.iter().filter(|(name, value)| !self.says(name, value)).collect();
        if news.is_empty() && !fields.is_empty() {
            return;
        }
        line.push_str(" in ");
        line.push_str(span.name);
        for (name, value) in news {
            put_field(line, name, value);
        }
    }

    fn says(&self, name: &str, value: &Value) -> bool {
        let said = match name {
            "module" => &self.module,
            "scene" => &self.scene,
            "request_id" => &self.request_id,
            _ => return false,
        };
        said.as_deref() == value.as_str()
    }
}

fn level(level: Level, colour: Colour) -> String {
    let code = match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    };
    match colour {
        Colour::Coloured => format!("\x1b[{code}m{:>5}\x1b[0m", level.as_str()),
        Colour::Plain => format!("{:>5}", level.as_str()),
    }
}

fn put_field(line: &mut String, name: &str, value: &Value) {
    match value {
        Value::String(text) => put_text_field(line, name, text),
        other => put(line, format_args!(" {name}={other}")),
    }
}

fn put_text_field(line: &mut String, name: &str, text: &str) {
    let is_plain =
        |character: char| !character.is_whitespace() && !character.is_control() && !"\"=".contains(character);
    if !text.is_empty() && text.chars().all(is_plain) {
        put(line, format_args!(" {name}={text}"));
    } else {
        put(line, format_args!(" {name}={text:?}"));
    }
}

/// A message may have several lines. The later ones are indented, so that nobody's text can begin
/// a line of the log.
fn put_message(line: &mut String, message: &str) {
    for (index, part) in message.lines().enumerate() {
        if index > 0 {
            line.push_str("\n    ");
        }
        put_escaped(line, part);
    }
}

/// Control characters, which a terminal would obey, are written as their codes.
fn put_escaped(line: &mut String, text: &str) {
    for character in text.chars() {
        if character.is_control() && character != '\t' {
            line.extend(character.escape_unicode());
        } else {
            line.push(character);
        }
    }
}

fn put(line: &mut String, arguments: std::fmt::Arguments<'_>) {
    line.write_fmt(arguments).expect("a string takes what is written to it");
}
