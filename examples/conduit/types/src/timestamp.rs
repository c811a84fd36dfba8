//! A point in time, to the millisecond.

use std::fmt;

use serde::{Serialize, Serializer};

/// A point in time: milliseconds since 1970 in UTC, as a column holds them. Written as ISO 8601
/// with three digits of the second: `2026-11-22T15:13:19.042Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Now, by the clock of the system.
    #[must_use]
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_millisecond())
    }

    /// Milliseconds since 1970 in UTC.
    #[must_use]
    pub const fn from_milliseconds(milliseconds: i64) -> Self {
        Self(milliseconds)
    }

    /// Milliseconds since 1970 in UTC.
    #[must_use]
    pub const fn as_milliseconds(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = jiff::Timestamp::from_millisecond(self.0).map_err(|_| fmt::Error)?;
        write!(f, "{time:.3}")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // A number that is no date within the calendar is an error of the value, not a panic.
        let time = jiff::Timestamp::from_millisecond(self.0).map_err(serde::ser::Error::custom)?;
        serializer.collect_str(&format_args!("{time:.3}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_written_with_milliseconds_in_utc() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_718_810_543_120, "2024-06-19T15:22:23.120Z"),
            (1_718_810_543_007, "2024-06-19T15:22:23.007Z"),
        ] {
            let timestamp = Timestamp::from_milliseconds(milliseconds);
            assert_eq!(timestamp.to_string(), text);
            assert_eq!(serde_json::to_value(timestamp).unwrap(), text);
        }
    }

    #[test]
    fn out_of_the_calendar_is_an_error() {
        assert!(serde_json::to_value(Timestamp::from_milliseconds(i64::MAX)).is_err());
    }
}
