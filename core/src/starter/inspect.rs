//! What a starter shows of a composition.

use serde_json::Value;

/// One thing that can be shown, under a name: `routes`, `jobs`, `metrics`.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Its name, which is its path on the admin interface.
    pub name: &'static str,
    /// What is shown.
    pub content: Content,
}

/// How an inspection is written.
#[derive(Debug, Clone)]
pub enum Content {
    /// JSON.
    Json(Value),
    /// Text with a media type.
    Text {
        /// The media type.
        media_type: &'static str,
        /// The text.
        body: String,
    },
}
