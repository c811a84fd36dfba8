//! favorites
