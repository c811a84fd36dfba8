//! Where something was registered: crate, version, file and line.

use std::fmt;

use serde::Serialize;

/// The place in the source that a registration, a contract or a field comes from.
///
/// Every report names one, so that whoever reads it can open the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Site {
    /// The package, as in its `Cargo.toml`.
    #[serde(rename = "crate")]
    pub crate_name: &'static str,
    /// The package's version.
    pub version: &'static str,
    /// The source file, as the compiler was given it.
    pub file: &'static str,
    /// The line, counted from 1.
    pub line: u32,
}

impl Site {
    /// The same file and crate, at another line.
    #[must_use]
    pub const fn at_line(self, line: u32) -> Self {
        Self { line, ..self }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}, {}:{}", self.crate_name, self.version, self.file, self.line)
    }
}

/// The [`Site`] of the call: the caller's package, file and line.
#[doc(hidden)]
#[macro_export]
macro_rules! __site {
    () => {
        $crate::Site {
            crate_name: ::core::env!("CARGO_PKG_NAME"),
            version: ::core::env!("CARGO_PKG_VERSION"),
            file: ::core::file!(),
            line: ::core::line!(),
        }
    };
}
