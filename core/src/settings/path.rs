//! The path of a setting: its segments from the root of the tree.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// The full path of a setting or of a section, such as `modules.comments.max_length`.
///
/// In a pattern that is handed to [`Known`](super::Known), the segment `*` stands for any one segment.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyPath {
    segments: Vec<String>,
}

impl KeyPath {
    /// The root of the tree: a path without segments.
    pub fn root() -> Self {
        Self::default()
    }

    /// A path of the given segments, each taken as it is: a dot inside a segment does not separate.
    pub fn of<S: Into<String>>(segments: impl IntoIterator<Item = S>) -> Self {
        Self { segments: segments.into_iter().map(Into::into).collect() }
    }

    /// This path with one more segment.
    #[must_use]
    pub fn join(&self, segment: impl Into<String>) -> Self {
        let mut segments = self.segments.clone();
        segments.push(segment.into());
        Self { segments }
    }

    /// The segments, from the root.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }

    /// The name of the environment variable that sets this key, or `None` where no variable can.
    pub fn environment_name(&self) -> Option<String> {
        let mut name = String::from(super::environment::PREFIX);
        for (index, segment) in self.segments.iter().enumerate() {
            let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if segment.is_empty() || segment.contains("__") || !segment.chars().all(fits) {
                return None;
            }
            if index > 0 {
                name.push_str("__");
            }
            name.push_str(&segment.to_ascii_uppercase().replace('-', "_"));
        }
        (!self.segments.is_empty()).then_some(name)
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, segment) in self.segments.iter().enumerate() {
            if index > 0 {
                f.write_str(".")?;
            }
            if is_bare(segment) || segment == "*" {
                f.write_str(segment)?;
            } else {
                write!(f, "{segment:?}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for KeyPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is not a path of settings; [`fmt::Display`] says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the path of a setting: {reason}")]
pub struct KeyPathError {
    text: String,
    reason: &'static str,
}

impl FromStr for KeyPath {
    type Err = KeyPathError;

    /// Reads a dotted path as TOML writes it; a segment that holds a dot stands in quotes: `hosts."a.example".port`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        split(text).map_err(|reason| KeyPathError { text: text.to_owned(), reason })
    }
}

/// Whether TOML can write the segment without quotes.
fn is_bare(segment: &str) -> bool {
    !segment.is_empty() && segment.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

fn split(text: &str) -> Result<KeyPath, &'static str> {
    let mut segments = Vec::new();
    let mut rest = text.trim();
    loop {
        let (segment, after) = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inner = &rest[1..];
                let end = inner.find(quote).ok_or("a quote is not closed")?;
                (&inner[..end], inner[end + 1..].trim_start())
            }
            _ => {
                let end = rest.find('.').unwrap_or(rest.len());
                let segment = rest[..end].trim();
                if segment.is_empty() {
                    return Err("a segment is empty");
                }
                if segment != "*" && !is_bare(segment) {
                    return Err("a segment with other characters than A-Z a-z 0-9 _ - needs quotes");
                }
                (segment, &rest[end..])
            }
        };
        segments.push(segment.to_owned());
        if after.is_empty() {
            return Ok(KeyPath { segments });
        }
        rest = after.strip_prefix('.').ok_or("a dot is missing after a quoted segment")?.trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_prints_as_it_is_read() {
        for text in ["a", "a.b-c.d_e", "scenes.*.modules.x", "hosts.\"a.example\".port"] {
            assert_eq!(text.parse::<KeyPath>().unwrap().to_string(), text);
        }
        assert_eq!("a . 'b c'".parse::<KeyPath>().unwrap(), KeyPath::of(["a", "b c"]));
    }

    #[test]
    fn a_bad_path_says_what_is_wrong() {
        let reason = |text: &str| text.parse::<KeyPath>().unwrap_err().to_string();
        assert!(reason("a..b").contains("empty"));
        assert!(reason("").contains("empty"));
        assert!(reason("a b").contains("quotes"));
        assert!(reason("\"a").contains("closed"));
        assert!(reason("\"a\"b").contains("dot is missing"));
    }

    #[test]
    fn the_environment_name_is_upper_case_with_underscores() {
        let name = KeyPath::of(["modules", "my-comments", "max_length"]).environment_name();
        assert_eq!(name.as_deref(), Some("BEDPLATE__MODULES__MY_COMMENTS__MAX_LENGTH"));
        assert_eq!(KeyPath::of(["hosts", "a.example"]).environment_name(), None);
        assert_eq!(KeyPath::of(["a__b"]).environment_name(), None);
    }
}
