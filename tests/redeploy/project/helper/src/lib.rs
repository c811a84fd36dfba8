//! A library that nothing uses yet: a test makes it a dependency of one module.

#![forbid(unsafe_code)]

/// What it says.
#[must_use]
pub fn help() -> &'static str {
    "helped"
}
