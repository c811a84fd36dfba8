//! What a base found at its start, and says when there is somebody to hear it: the log is a starter's.

use serde::Serialize;

/// Something that a base found at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Note {
    /// How much it matters.
    pub level: NoteLevel,
    /// The module that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// What was found.
    pub text: String,
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteLevel {
    /// It is as it should be.
    Told,
    /// Somebody should look.
    Warning,
}

impl Note {
    pub(crate) fn told(module: &str, text: String) -> Self {
        Self { level: NoteLevel::Told, module: Some(module.to_owned()), text }
    }

    pub(crate) fn warning(module: Option<&str>, text: String) -> Self {
        Self { level: NoteLevel::Warning, module: module.map(str::to_owned), text }
    }

    /// Writes it to the log.
    pub(crate) fn log(&self) {
        let (module, text) = (self.module.as_deref(), &self.text);
        match self.level {
            NoteLevel::Told => tracing::info!(target: "bedplate::deploy", module, "{text}"),
            NoteLevel::Warning => tracing::warn!(target: "bedplate::deploy", module, "{text}"),
        }
    }
}
