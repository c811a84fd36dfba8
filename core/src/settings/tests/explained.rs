//! Every key with its value, origin and help.

use std::time::Duration;

use super::*;
use crate::settings::Origin;

#[derive(Settings)]
#[allow(dead_code, reason = "only the schema matters")]
struct Http {
    /// Where it listens.
    port: u16,
    /// How long a request may take.
    #[setting(default = "30s", range = Duration::ZERO..)]
    timeout: Duration,
    #[setting(nested)]
    tls: Tls,
}

#[derive(Settings)]
#[allow(dead_code, reason = "only the schema matters")]
struct Tls {
    hosts: Option<Vec<String>>,
}

fn rows(sources: Sources, known: &Known) -> Vec<(String, Option<String>, Origin)> {
    let rows = loaded(sources).explain(known);
    rows.into_iter().map(|row| (row.key.to_string(), row.value, row.origin)).collect()
}

#[test]
fn each_key_has_its_value_and_where_it_came_from() {
    let sources = Sources::new()
        .text("b.toml", "[http]\nport = 80\n[http.tls]\nhosts = ['a', 'b']")
        .environment(environment(&[("BEDPLATE__HTTP__PORT", "81")]));
    let rows = rows(sources, &known::<Http>("http"));
    let variable = Origin::Environment { name: "BEDPLATE__HTTP__PORT".to_owned() };
    let file = Origin::File { path: "b.toml".to_owned(), line: 4, column: 9 };
    assert_eq!(
        rows,
        [
            ("http.port".to_owned(), Some("81".to_owned()), variable),
            ("http.timeout".to_owned(), Some("\"30s\"".to_owned()), Origin::Default),
            ("http.tls.hosts".to_owned(), Some("[\"a\", \"b\"]".to_owned()), file),
        ]
    );
}

#[test]
fn a_row_carries_help_type_and_limits() {
    let rows = Tree::default().explain(&known::<Http>("http"));
    assert_eq!(rows[0].help, "Where it listens.");
    assert_eq!(rows[0].type_name, "a whole number from 0 to 65535");
    assert!(rows[0].required && rows[0].value.is_none());
    assert_eq!(rows[0].origin, Origin::Unset);
    assert_eq!(rows[1].range.as_deref(), Some("Duration::ZERO.."));
    let json = serde_json::to_value(&rows[1]).unwrap();
    assert_eq!(json["key"], "http.timeout");
    assert_eq!(json["origin"]["from"], "default");
}

#[test]
fn of_a_pattern_only_what_is_set_is_shown() {
    let known = known::<Http>("modules.a").section(path("scenes.*.modules.a"), Http::schema());
    let sources = Sources::new().text("b.toml", "[scenes.retail.modules.a]\nport = 80\n[scenes.other]\n");
    let keys: Vec<_> = rows(sources, &known).into_iter().map(|(key, ..)| key).collect();
    assert_eq!(keys, ["modules.a.port", "modules.a.timeout", "modules.a.tls.hosts", "scenes.retail.modules.a.port"]);
}
