//! What values may be, and how they are written.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;

use super::*;
use crate::settings::ByteSize;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Format {
    Human,
    JsonLines { pretty: bool },
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Upstream {
    host: String,
    #[serde(default)]
    weight_in_percent: u8,
}

#[derive(Debug, PartialEq, Settings)]
struct All {
    number: i64,
    large: u64,
    ratio: f64,
    on: bool,
    text: String,
    list: Vec<u16>,
    timeout: Duration,
    size: ByteSize,
    address: SocketAddr,
    format: Format,
    upstream: Upstream,
    by_port: HashMap<u16, String>,
    pair: (u8, String),
    absent: Option<u8>,
}

fn expected() -> All {
    All {
        number: -5,
        large: u64::MAX,
        ratio: 1.0,
        on: true,
        text: "5".to_owned(),
        list: vec![1, 2],
        timeout: Duration::from_secs(3900),
        size: ByteSize::new(2_000_000),
        address: ([127, 0, 0, 1], 80).into(),
        format: Format::Human,
        upstream: Upstream { host: "a".to_owned(), weight_in_percent: 7 },
        by_port: HashMap::from([(80, "web".to_owned())]),
        pair: (1, "x".to_owned()),
        absent: None,
    }
}

#[test]
fn a_file_writes_values_as_toml_does() {
    let tree = tree(
        r#"
        [all]
        number = -5
        large = 18446744073709551615
        ratio = 1
        on = true
        text = "5"
        list = [1, 0x2]
        timeout = "1h 5m"
        size = "2MB"
        address = "127.0.0.1:80"
        format = "human"
        upstream = { host = "a", weight_in_percent = 7 }
        by_port = { 80 = "web" }
        pair = [1, "x"]
        "#,
    );
    assert_eq!(read::<All>(&tree, "all"), expected());
}

#[test]
fn text_from_the_environment_becomes_what_is_asked_for() {
    let variables = environment(&[
        ("BEDPLATE__ALL__NUMBER", "-5"),
        ("BEDPLATE__ALL__LARGE", "18446744073709551615"),
        ("BEDPLATE__ALL__RATIO", "1"),
        ("BEDPLATE__ALL__ON", "TRUE"),
        ("BEDPLATE__ALL__TEXT", "5"),
        ("BEDPLATE__ALL__LIST", "[1, 2]"),
        ("BEDPLATE__ALL__TIMEOUT", "1h 5m"),
        ("BEDPLATE__ALL__SIZE", "2000000"),
        ("BEDPLATE__ALL__ADDRESS", "127.0.0.1:80"),
        ("BEDPLATE__ALL__FORMAT", "human"),
        ("BEDPLATE__ALL__UPSTREAM__HOST", "a"),
        ("BEDPLATE__ALL__UPSTREAM__WEIGHT_IN_PERCENT", "7"),
        ("BEDPLATE__ALL__BY_PORT__80", "web"),
        ("BEDPLATE__ALL__PAIR", "[1, 'x']"),
    ]);
    let tree = loaded(Sources::new().environment(variables));
    assert_eq!(read::<All>(&tree, "all"), expected());
}

#[test]
fn a_table_of_serde_is_merged_over_the_layers_too() {
    #[derive(Settings)]
    struct Labels {
        labels: BTreeMap<String, u8>,
    }
    let tree = loaded(
        Sources::new()
            .text("a.toml", "[s.labels]\nfirst-one = 1\nb = 2")
            .text("b.toml", "[s.labels]\nb = 3")
            .environment(environment(&[("BEDPLATE__S__LABELS__FIRST_ONE", "4")]))
            .set("s.labels.c=5"),
    );
    let labels = read::<Labels>(&tree, "s").labels;
    let expected = [("b", 3), ("c", 5), ("first-one", 4)].map(|(name, value)| (name.to_owned(), value));
    assert_eq!(labels, BTreeMap::from(expected));
}

#[test]
fn an_enum_with_content_is_a_table_of_one_entry() {
    #[derive(Settings)]
    struct Log {
        format: Format,
    }
    let log: Log = read(&tree("[log.format]\njson-lines = { pretty = true }"), "log");
    assert_eq!(log.format, Format::JsonLines { pretty: true });
    let variables = environment(&[("BEDPLATE__LOG__FORMAT__JSON_LINES__PRETTY", "false")]);
    let log: Log = read(&loaded(Sources::new().environment(variables)), "log");
    assert_eq!(log.format, Format::JsonLines { pretty: false });
}

#[test]
fn a_mistake_deep_in_a_value_is_found_at_its_own_line() {
    #[derive(Settings)]
    struct Proxy {
        #[allow(dead_code, reason = "only the reading matters")]
        #[setting(default)]
        upstreams: Vec<Upstream>,
    }
    let text = "[proxy]\nupstreams = [\n  { host = 'a' },\n  { host = 'b', weight_in_percent = 300 },\n]";
    let problem = only(problems::<Proxy>(&tree(text), "proxy"));
    assert_eq!(problem.key.to_string(), "proxy.upstreams.1.weight_in_percent");
    assert_eq!(place(&problem), "bedplate.toml:4:37");
    assert!(problem.what.contains("a whole number from 0 to 255, but it is the whole number 300"), "{problem}");

    let text = "[proxy]\nupstreams = [\n  { hots = 'a' },\n]";
    let problem = only(problems::<Proxy>(&tree(text), "proxy"));
    assert_eq!(place(&problem), "bedplate.toml:3:5");
    assert!(problem.help.contains("did you mean `host`?"), "{problem}");
}
