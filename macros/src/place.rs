//! Where tokens stand: file and line, as far as the compiler says so.

use std::path::PathBuf;

use proc_macro2::Span;

/// The place of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The file as the compiler was given it.
    pub(crate) file: String,
    /// The file on this machine's disk, where it is one.
    pub(crate) local_file: Option<PathBuf>,
    /// The line, counted from 1.
    pub(crate) line: usize,
    /// The column, counted from 1.
    pub(crate) column: usize,
}

/// The place of a span; `None` outside the compiler.
pub(crate) fn of(span: Span) -> Option<Place> {
    if !proc_macro::is_available() {
        return None;
    }
    let span = span.unwrap();
    Some(Place { file: span.file(), local_file: span.local_file(), line: span.line(), column: span.column() })
}

/// The line of a span, counted from 1; 0 where it is not known.
pub(crate) fn line(span: Span) -> u32 {
    of(span).and_then(|place| u32::try_from(place.line).ok()).unwrap_or(0)
}
