//! What the base and its modules share: an edit of it changes the base.

#![forbid(unsafe_code)]

/// A word, and how often it was said.
#[derive(Debug, Clone)]
pub struct Word {
    /// The word.
    pub text: &'static str,
    /// How often it was said.
    pub times: u64,
}

/// The word of the day.
#[must_use]
pub fn word() -> Word {
    Word { text: if cfg!(feature = "extra") { "more" } else { "word" }, times: 1 }
}
