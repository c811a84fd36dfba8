//! A secret is never printed, whatever goes wrong.

use serde::Deserialize;

use super::*;
use crate::settings::Secret;

const VALUE: &str = "hunter2";

#[derive(Debug, Deserialize)]
#[allow(dead_code, reason = "only that it is never printed matters")]
struct Account {
    name: String,
    password: Secret<String>,
}

#[derive(Debug, Settings)]
#[allow(dead_code, reason = "only that it is never printed matters")]
struct Database {
    password: Secret<String>,
    pin: Option<Secret<u16>>,
    #[setting(default = "hunter2-by-default")]
    fallback: Secret<String>,
    #[setting(allowed("a", "b"), default = "a")]
    word: Secret<String>,
    #[setting(default)]
    accounts: Vec<Account>,
    #[setting(secret, default = "hunter2-by-default")]
    token: String,
    #[setting(secret, default = 5, range = 0..10)]
    digit: u32,
}

fn tree_of(lines: &str) -> Tree {
    tree(&format!("[db]\n{lines}"))
}

#[test]
fn a_secret_can_be_read_and_not_be_printed() {
    let tree = tree_of("password = 'hunter2'\npin = 1234\naccounts = [{ name = 'a', password = 'hunter2' }]");
    let database: Database = read(&tree, "db");
    assert_eq!(database.password.expose(), VALUE);
    assert_eq!(database.fallback.expose(), "hunter2-by-default");
    assert_eq!(database.pin.as_ref().map(|pin| *pin.expose()), Some(1234));
    let Database { password, pin, fallback, accounts, .. } = &database;
    let shown = format!("{password:?} {password} {pin:?} {fallback:?} {accounts:?} {tree:?}");
    assert!(!shown.contains(VALUE) && !shown.contains("1234"), "{shown}");
    assert!(shown.contains("******"), "{shown}");
}

#[test]
fn explain_and_the_schema_mask_values_and_defaults() {
    let lines = "password = 'hunter2'\npin = 1234\naccounts = [{ name = 'hunter2', password = 'x' }]";
    let tree = loaded(Sources::new().text("b.toml", format!("[db]\n{lines}")).set("db.token=hunter2"));
    let rows = tree.explain(&known::<Database>("db"));
    assert_eq!(rows.len(), 7);
    assert!(rows.iter().all(|row| row.secret && row.value.as_deref() == Some("******")), "{rows:#?}");
    let shown = format!("{rows:?} {:?} {}", Database::schema(), serde_json::to_string(&rows).unwrap());
    assert!(!shown.contains(VALUE) && !shown.contains("1234"), "{shown}");
}

#[test]
fn no_message_about_a_secret_holds_its_value() {
    let mistakes = [
        "password = ['hunter2']",
        "pin = 'hunter2'",
        "pin = 77777777",
        "word = 'hunter2'",
        "accounts = 'hunter2'",
        "accounts = [{ name = 'hunter2', password = 77777777 }]",
        "accounts = [{ name = 77777777, password = 'hunter2' }]",
        "digit = 77777777",
        "digit = 987654",
        "token = 77777777",
    ];
    for mistake in mistakes {
        let lines = if mistake.starts_with("password") { String::new() } else { "password = 'hunter2'\n".to_owned() };
        let found = only(problems::<Database>(&tree_of(&format!("{lines}{mistake}")), "db"));
        let shown = format!("{found} {found:?}");
        assert!(
            !shown.contains(VALUE) && !shown.contains("77777777") && !shown.contains("987654"),
            "{mistake}: {shown}"
        );
        assert!(place(&found).starts_with("bedplate.toml:"), "{mistake}: {shown}");
    }
}

#[test]
fn a_secret_from_the_environment_or_an_argument_is_not_shown_either() {
    let tree = loaded(
        Sources::new()
            .environment(environment(&[("BEDPLATE__DB__PIN", VALUE), ("BEDPLATE__DB__PASSWROD", VALUE)]))
            .set("db.password=hunter2")
            .set("db.digit=hunter2"),
    );
    let mut found = problems::<Database>(&tree, "db");
    found.extend(tree.unknown(&known::<Database>("db")));
    assert_eq!(found.len(), 3, "{found:#?}");
    let shown = format!("{found:?} {}", found.iter().map(ToString::to_string).collect::<String>());
    assert!(!shown.contains(VALUE), "{shown}");
}

#[test]
fn a_secret_in_place_of_a_section_is_not_shown() {
    let found = only(tree("db = 'hunter2'").unknown(&known::<Database>("db")));
    assert!(!format!("{found:?}").contains(VALUE), "{found}");
    let found = Sources::new().text("b.toml", "[db]\npassword = hunter2").load().unwrap_err();
    assert!(!format!("{found:?}").contains(VALUE), "{found:?}");
}
