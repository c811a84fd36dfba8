//! A project's own lists: added with a pin, held to it, pinned anew, and forgotten.

use std::fs;

use serde_json::json;

use crate::rig::{Project, list_of};

#[test]
fn a_list_is_added_with_what_it_is_held_to_and_forgotten_without_a_trace() {
    let project = Project::new();
    let before = project.manifest();
    project.write("shop/lists/market.toml", &list_of(&["audit"]));
    let used = project.market(&["use", "company", "--file", "lists/market.toml"]);
    used.says(&["list `company`", "held to sha256:", "audit: What audit is for", "company-audit, from the registry"]);
    let manifest = project.manifest();
    assert!(manifest.starts_with(&before), "{manifest}");
    assert!(manifest.contains("company = { file = \"lists/market.toml\", digest = \"sha256:"), "{manifest}");
    // From any folder of the project.
    project.market_in("shop/base/src", &["list"]).says(&["LIST", "audit"]);
    project.market(&["use", "company", "--file", "lists/market.toml"]).refused(&["a list `company` already", "forget"]);
    assert_eq!(project.json(&["forget", "company"])["forgotten"], "company");
    assert_eq!(project.manifest(), before);
    project.market(&["forget", "company"]).refused(&["names no list `company`"]);
}

#[test]
fn a_list_that_changed_is_refused_with_both_digests_until_it_is_pinned_anew() {
    let project = Project::new();
    project.write("lists/a.toml", &list_of(&["audit", "mail"]));
    project.write("lists/b.toml", &list_of(&["scan"]));
    let before = project.json(&["use", "company", "--folder", "../lists"])["pin"].as_str().unwrap().to_owned();
    project.write("lists/a.toml", &list_of(&["audit", "print"]).replace("What audit is for", "Watches"));
    project.market(&["list"]).refused(&["not what it was pinned to", "Cargo.toml:", &before, "market update company"]);
    let manifest = project.manifest();

    let updated = project.json(&["update"]);
    let list = &updated["lists"][0];
    let after = list["pin"].as_str().unwrap();
    assert_eq!(list["before"], json!(before));
    let changes = [
        json!({ "starter": "audit", "field": "about", "before": "What audit is for", "after": "Watches" }),
        json!({ "starter": "mail", "field": "starter", "before": "company-mail", "after": null }),
        json!({ "starter": "print", "field": "starter", "before": null, "after": "company-print" }),
    ];
    assert_eq!(list["changes"], json!(changes));
    assert_eq!(project.manifest(), manifest.replace(&before, after));
    project.market(&["list"]).says(&["print", "Watches"]);
    project.market(&["update", "company"]).says(&["as it was"]);

    // A file more, or one of another name, is another list.
    fs::rename(project.path("lists/b.toml"), project.path("lists/c.toml")).unwrap();
    project.market(&["list"]).refused(&["not what it was pinned to", after]);
}

#[test]
fn an_update_says_where_it_does_not_know_what_was_before() {
    let project = Project::new();
    project.write("company.toml", &list_of(&["audit"]));
    project.market(&["use", "company", "--file", "../company.toml"]).says(&["audit"]);
    fs::remove_dir_all(project.path("cache")).unwrap();
    project.write("company.toml", &list_of(&["mail"]));
    project.market(&["update"]).says(&["1 starter", "what it was before is not known here"]);
}

#[test]
fn a_list_without_a_pin_is_refused_with_what_it_is_now() {
    let project = Project::new();
    project.write("company.toml", &list_of(&["audit"]));
    let unpinned = "[workspace.metadata.bedplate.markets]\ncompany = { file = \"../company.toml\" }\n";
    project.write("shop/Cargo.toml", &format!("{}\n{unpinned}", project.manifest()));
    let refused = project.market(&["list"]);
    refused.refused(&["the list `company` is not pinned", "Cargo.toml:5", "it is sha256:", "market update company"]);
    project.market(&["update"]).says(&["not pinned → sha256:"]);
    project.market(&["list"]).says(&["audit"]);
    assert!(project.manifest().contains("digest = \"sha256:"), "{}", project.manifest());
}

#[test]
fn a_list_that_cannot_be_read_is_not_pinned() {
    let project = Project::new();
    let before = project.manifest();
    project.write("broken.toml", "version = 1\n[[starter]]\nname = \"x\"\n");
    project
        .market(&["use", "company", "--file", "../broken.toml"])
        .refused(&["broken.toml:2: the key `crate` is missing"]);
    project.market(&["use", "company", "--file", "../absent.toml"]).refused(&["cannot be read"]);
    project.write("fine.toml", &list_of(&["audit"]));
    project.market(&["use", "bedplate", "--file", "../fine.toml"]).refused(&["comes with the tool"]);
    project.market(&["use", "a b", "--file", "../fine.toml"]).refused(&["`a b` is no name for a list"]);
    assert_eq!(project.manifest(), before);
    project.write("elsewhere/x", "");
    project.market_in("elsewhere", &["use", "company", "--file", "../fine.toml"]).refused(&["there is no Cargo.toml"]);
}

#[test]
fn a_project_that_cannot_be_written_stays_as_it_was() {
    let project = Project::new();
    let before = project.manifest();
    project.write("fine.toml", &list_of(&["audit"]));
    // Not a byte can be written to a file, by the superuser either.
    let full = project.market_on_a_full_disk(&["use", "company", "--file", "../fine.toml"]);
    full.refused(&["shop/Cargo.toml cannot be written", "the file is as it was"]);
    assert_eq!(project.manifest(), before);
    let mut left: Vec<_> =
        fs::read_dir(project.path("shop")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["Cargo.toml", "base"]);
}
