//! Finding starters, and what comes along with them.

use semver::Version;

use super::super::{BUILT_IN, Market};
use super::{failure, list, starter};

const BEDPLATE: Version = Version::new(0, 1, 0);

fn market() -> Market {
    let own = [
        starter("http", ""),
        starter("sql", ""),
        starter("sessions", "needs = [\"http\", \"sql\"]"),
        starter("login", "needs = [\"sessions\"]"),
        starter("plain", "excludes = [\"sql\"]"),
    ];
    let company = [starter("http", ""), starter("audit", "needs = [\"http\"]"), starter("lost", "needs = [\"sqll\"]")];
    Market { lists: vec![list(BUILT_IN, &own), list("company", &company)] }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The picks as `list/name`, with who needs each.
fn picked(wanted: &[&str], present: &[&str]) -> anyhow::Result<Vec<String>> {
    let market = market();
    let picks = market.resolve(&names(wanted), &names(present), &BEDPLATE)?;
    let shown = picks.iter().map(|pick| {
        let by = pick.needed_by.map(|by| format!(" for {by}")).unwrap_or_default();
        format!("{}/{}{by}", pick.list.name, pick.entry.name)
    });
    Ok(shown.collect())
}

#[test]
fn a_starter_is_found_by_its_name_or_by_that_of_its_list_too() {
    let market = market();
    assert_eq!(market.find("sql").unwrap().0.name, BUILT_IN);
    assert_eq!(market.find("company/http").unwrap().0.name, "company");
    let unclear = failure(market.find("http"));
    assert_eq!(unclear.code, "which-starter");
    assert!(unclear.help.contains("`bedplate/http`") && unclear.help.contains("`company/http`"), "{unclear}");
    let unknown = failure(market.find("sesions"));
    assert_eq!(unknown.code, "unknown-starter");
    assert!(unknown.help.contains("did you mean `sessions`?"), "{unknown}");
    let elsewhere = failure(market.find("company/sql"));
    assert!(elsewhere.what.contains("`company/sql` is not in the list `company`"), "{elsewhere}");
    let no_list = failure(market.find("compani/http"));
    assert!(no_list.help.contains("did you mean `company`?"), "{no_list}");
}

#[test]
fn what_is_needed_comes_along_before_what_needs_it() {
    let all =
        ["bedplate/http for sessions", "bedplate/sql for sessions", "bedplate/sessions for login", "bedplate/login"];
    assert_eq!(picked(&["login"], &[]).unwrap(), all);
    assert_eq!(picked(&["login"], &["sessions"]).unwrap(), ["bedplate/login"]);
    // What was named is nobody's addition, in whichever order.
    let named = picked(&["sessions", "sql"], &["http"]).unwrap();
    assert_eq!(named, ["bedplate/sql", "bedplate/sessions"]);
    assert_eq!(picked(&["sql", "sql"], &[]).unwrap(), ["bedplate/sql"]);
}

#[test]
fn a_need_is_met_from_its_own_list_first_and_from_what_was_named_before_that() {
    assert_eq!(picked(&["audit"], &[]).unwrap(), ["company/http for audit", "company/audit"]);
    assert_eq!(picked(&["audit", "bedplate/http"], &[]).unwrap(), ["bedplate/http", "company/audit"]);
    let lost = failure(picked(&["lost"], &[]));
    assert_eq!(lost.code, "unknown-starter");
    assert!(lost.what.contains("the starter `lost` needs `sqll`"), "{lost}");
    assert!(lost.help.contains("did you mean `sql`?"), "{lost}");
    let both = failure(picked(&["company/http", "bedplate/http"], &[]));
    assert!(both.what.contains("from the lists `company` and `bedplate`"), "{both}");
}

#[test]
fn needs_may_go_in_a_circle() {
    let starters = [starter("one", "needs = [\"two\"]"), starter("two", "needs = [\"one\"]")];
    let market = Market { lists: vec![list(BUILT_IN, &starters)] };
    let picks = market.resolve(&names(&["one"]), &[], &BEDPLATE).unwrap();
    assert_eq!(picks.iter().map(|pick| pick.entry.name.as_str()).collect::<Vec<_>>(), ["two", "one"]);
}

#[test]
fn starters_that_exclude_each_other_are_refused_whoever_says_it_and_however_they_come() {
    for (wanted, present) in [
        (&["plain", "sql"][..], &[][..]),
        (&["sql", "plain"], &[]),
        (&["sql"], &["plain"]),
        (&["plain"], &["sql"]),
        (&["plain", "login"], &[]),
    ] {
        let refused = failure(picked(wanted, present));
        assert_eq!(refused.code, "starters-exclude", "{wanted:?} {present:?}");
        assert!(refused.what.contains("`plain` excludes `sql`"), "{refused}");
        assert_eq!(refused.help.contains("cargo bedplate remove"), !present.is_empty(), "{refused}");
    }
}

#[test]
fn a_starter_for_another_bedplate_is_refused() {
    let market = market();
    let refused = failure(market.resolve(&names(&["sql"]), &[], &Version::new(0, 2, 0)));
    assert_eq!(refused.code, "bedplate-version");
    assert!(refused.what.contains("`sql` works with bedplate ^0.1, and the base has bedplate 0.2.0"), "{refused}");
}
