//! What the tool writes: lines for people, JSON for programs.

use std::fmt::Display;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::time::Duration;

use bedplate_admin_client::ClientError;
use bedplate_admin_client::render::refusal_json;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use serde_json::json;

use crate::failure::Failure;

/// How the tool writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Output {
    /// A line for people; nothing for programs.
    pub(crate) fn line(self, text: impl Display) {
        if self == Self::Text {
            write(&mut stdout(), &text.to_string());
        }
    }

    /// An object for programs; nothing for people.
    pub(crate) fn object(self, value: &impl Serialize) {
        if self == Self::Json
            && let Ok(text) = serde_json::to_string(value)
        {
            write(&mut stdout(), &text);
        }
    }

    /// A failure, in the form that is asked for.
    pub(crate) fn failure(self, error: &anyhow::Error) {
        match self {
            Self::Text => {
                let text = text_of(error);
                // What a base refuses says so by itself.
                let begin = if text.starts_with("error[") { "" } else { "error: " };
                write(&mut stderr(), &format!("{begin}{text}"));
            }
            Self::Json => write(&mut stdout(), &json_of(error).to_string()),
        }
    }

    /// Shows that something goes on, where somebody looks.
    pub(crate) fn progress(self, what: impl Into<String>) -> ProgressBar {
        if self == Self::Json || !stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner().with_message(what.into());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }
}

fn json_of(error: &anyhow::Error) -> serde_json::Value {
    if let Some(error) = error.downcast_ref::<ClientError>() {
        return refusal_json(error.refusal());
    }
    match error.downcast_ref::<Failure>() {
        Some(failure) => json!({ "version": 1, "error": failure }),
        None => json!({ "version": 1, "error": { "code": "failed", "what": format!("{error:#}"), "help": "" } }),
    }
}

fn text_of(error: &anyhow::Error) -> String {
    match error.downcast_ref::<Failure>() {
        Some(failure) => failure.to_string(),
        None => format!("{error:#}"),
    }
}

/// How long something took, as people read it.
pub(crate) fn duration(took: Duration) -> String {
    match took.as_millis() {
        0 => format!("{} us", took.as_micros()),
        1..1_000 => format!("{} ms", took.as_millis()),
        _ => format!("{:.2} s", took.as_secs_f64()),
    }
}

/// A reader that closed its end (`| head`) is no error.
fn write(to: &mut impl Write, text: &str) {
    let _ = writeln!(to, "{text}");
}
