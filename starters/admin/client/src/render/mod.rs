//! How answers are shown to people: the base's own commands and the tool show them alike.

mod clean;
mod follow;
mod lists;
mod plan;
mod refusal;
mod table;

pub use clean::clean;
pub use follow::Follower;
pub use lists::{history, in_flight, logs, ready, routes, snapshot, status, transitions};
pub use plan::plan;
pub use refusal::{refusal, refusal_json};
pub use table::table;

use std::time::{Duration, UNIX_EPOCH};

use serde_json::Value;

/// A span of time, in the unit that suits it: `740 µs`, `12.3 ms`, `4.20 s`, `3m 12s`.
#[must_use]
pub fn duration(took: Duration) -> String {
    let micros = took.as_micros();
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..1_000_000 => format!("{:.1} ms", took.as_secs_f64() * 1e3),
        1_000_000..60_000_000 => format!("{:.2} s", took.as_secs_f64()),
        _ => humantime::format_duration(Duration::from_secs(took.as_secs())).to_string(),
    }
}

/// Milliseconds since 1970 as a time in UTC.
#[must_use]
pub fn time(at_ms: Option<u64>) -> String {
    let at = at_ms.and_then(|at| UNIX_EPOCH.checked_add(Duration::from_millis(at)));
    // Beyond the year 9999 there is no such text.
    at.filter(|at| *at < UNIX_EPOCH + Duration::from_secs(253_402_300_800))
        .map_or_else(|| "-".to_owned(), |at| humantime::format_rfc3339_millis(at).to_string())
}

/// A text as one segment of a path, or one value of a parameter: what has a meaning there is escaped.
#[must_use]
pub fn path_segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}

/// A value as a cell of a table.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => clean(text),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => clean(&other.to_string()),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time_have_the_unit_that_suits_them() {
        let shown = [740, 12_340, 4_200_000, 192_000_000].map(|micros| duration(Duration::from_micros(micros)));
        assert_eq!(shown, ["740 µs", "12.3 ms", "4.20 s", "3m 12s"]);
    }

    #[test]
    fn what_has_a_meaning_in_a_path_is_escaped() {
        assert_eq!(path_segment("comments-2"), "comments-2");
        assert_eq!(path_segment("a/b&c=d é"), "a%2Fb%26c%3Dd%20%C3%A9");
    }

    #[test]
    fn a_time_is_written_in_utc_and_nonsense_is_no_panic() {
        assert_eq!(time(Some(1_700_000_000_123)), "2023-11-14T22:13:20.123Z");
        assert_eq!(time(Some(u64::MAX)), "-");
        assert_eq!(time(None), "-");
    }
}
