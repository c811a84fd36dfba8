//! Defaults, and what the schema says of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::*;
use crate::settings::{ByteSize, Key};

const LIMIT: u32 = 40;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    ReadOnly,
}

#[derive(Debug, Default, Deserialize)]
struct Debugged(#[allow(dead_code, reason = "printed by Debug")] u8);

#[derive(Default, Deserialize)]
struct Opaque;

/// Everything a default can be.
///
/// In two paragraphs.
#[derive(Settings)]
struct Defaults {
    /// A number,
    /// in two lines.
    #[setting(default = 10_000)]
    number: u32,
    #[setting(default = -1.50)]
    negative: f64,
    #[setting(default = LIMIT + 2)]
    computed: u32,
    #[setting(default = "30s")]
    text: Duration,
    #[setting(default = Duration::from_secs(5400))]
    duration: Duration,
    #[setting(default = ByteSize::new(2_000_000))]
    size: ByteSize,
    #[setting(default = vec!["a".to_owned()])]
    list: Vec<String>,
    #[setting(default = Mode::ReadOnly)]
    mode: Mode,
    #[setting(default = Debugged(3))]
    debugged: Debugged,
    #[setting(default = Opaque)]
    opaque: Opaque,
    #[setting(default)]
    empty: String,
    #[setting(default = true)]
    on: bool,
    optional: Option<u8>,
    #[setting(rename = "type")]
    kind: Option<String>,
}

#[test]
fn defaults_are_read_when_nothing_is_set() {
    let defaults: Defaults = read(&Tree::default(), "d");
    assert_eq!((defaults.number, defaults.negative, defaults.computed), (10_000, -1.5, 42));
    assert_eq!((defaults.text, defaults.duration), (Duration::from_secs(30), Duration::from_secs(5400)));
    assert_eq!((defaults.size.bytes(), defaults.list.len()), (2_000_000, 1));
    assert_eq!((defaults.mode, defaults.debugged.0), (Mode::ReadOnly, 3));
    assert_eq!((defaults.empty.as_str(), defaults.on), ("", true));
    assert_eq!((defaults.optional, defaults.kind), (None, None));
    let Opaque = defaults.opaque;
}

#[test]
fn the_schema_shows_defaults_as_a_file_would_hold_them() {
    let schema = Defaults::schema();
    let default = |name: &str| schema.find(name).and_then(|key| key.default.clone()).unwrap_or_default();
    let expected = [
        ("number", "10000"),
        ("negative", "-1.50"),
        ("computed", "42"),
        ("text", "\"30s\""),
        ("duration", "\"1h 30m\""),
        ("size", "\"2MB\""),
        ("list", "[\"a\"]"),
        ("mode", "\"read-only\""),
        ("debugged", "Debugged(3)"),
        ("opaque", "Opaque"),
        ("empty", "\"\""),
        ("on", "true"),
    ];
    for (name, text) in expected {
        assert_eq!(default(name), text, "{name}");
    }
}

#[test]
fn the_schema_has_help_types_and_places() {
    let schema = Defaults::schema();
    assert_eq!(schema.help, "Everything a default can be.\n\nIn two paragraphs.");
    let key: &Key = schema.find("number").unwrap();
    assert_eq!(key.help, "A number,\nin two lines.");
    assert_eq!(key.type_name, "a whole number from 0 to 4294967295");
    assert!(key.place.file.ends_with("defaults.rs"), "{}", key.place);
    assert_eq!(key.place.line, schema.place.line + 4);
    assert!(!key.required && !schema.find("optional").unwrap().required);
    assert!(schema.find("type").is_some() && schema.find("kind").is_none());
}

#[test]
fn a_default_that_its_own_limits_refuse_is_reported() {
    #[derive(Debug, Settings)]
    #[allow(dead_code, reason = "only the reading matters")]
    struct Wrong {
        #[setting(default = LIMIT, range = 0..LIMIT)]
        number: u32,
        #[setting(default = "soon")]
        pause: Duration,
    }
    let found = problems::<Wrong>(&Tree::default(), "w");
    let texts: Vec<_> = found.iter().map(|problem| (problem.code, problem.what.as_str())).collect();
    assert_eq!(texts[0], ("setting-default", "`w.number`: its default 40 is not in the range"));
    assert_eq!(texts[1].0, "setting-default");
    assert!(texts[1].1.contains("must be a duration"), "{}", texts[1].1);
}
