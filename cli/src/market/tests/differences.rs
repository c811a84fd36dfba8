//! Where two lists differ.

use super::super::compare;
use super::{entries, starter};

#[test]
fn differences_are_named_field_by_field() {
    let setting =
        |default: &str| format!("settings = [{{ key = \"size\", kind = \"a number\", default = \"{default}\" }}]");
    let one = entries(&(starter("audit", &setting("1")) + &starter("gone", ""))).unwrap();
    let other = entries(&(starter("audit", &setting("2")).replace("data", "web") + &starter("new", ""))).unwrap();
    let found: Vec<_> = compare(&one, &other)
        .into_iter()
        .map(|difference| (difference.starter, difference.field, difference.one, difference.other))
        .collect();
    let row = |starter: &str, field: &str, one: Option<&str>, other: Option<&str>| {
        (starter.to_owned(), field.to_owned(), one.map(str::to_owned), other.map(str::to_owned))
    };
    let expected = [
        row("audit", "group", Some("data"), Some("web")),
        row("audit", "settings.size.default", Some("1"), Some("2")),
        row("gone", "starter", Some("starter-gone"), None),
        row("new", "starter", None, Some("starter-new")),
    ];
    assert_eq!(found, expected);
    assert!(compare(&one, &one).is_empty());
}

#[test]
fn where_the_code_comes_from_makes_no_difference() {
    let here = entries(&starter("audit", "path = \"audit\"")).unwrap();
    assert!(compare(&here, &entries(&starter("audit", "")).unwrap()).is_empty());
}
