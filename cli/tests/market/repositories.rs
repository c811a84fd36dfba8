//! Lists in git repositories: held to a commit, kept in the cache, and read without the network from then on.

use std::fs;

use serde_json::json;

use crate::rig::{Project, has_git, list_of};

#[test]
fn a_repository_is_held_to_its_commit_whatever_it_comes_to_hold() {
    if !has_git("a_repository_is_held_to_its_commit_whatever_it_comes_to_hold") {
        return;
    }
    let project = Project::new();
    project.write("lists/market.toml", &list_of(&["audit"]));
    let first = project.repository("lists");
    let url = project.url("lists");
    project.market(&["use", "company", "--git", &url]).says(&[&format!("held to {first}"), "audit"]);
    assert!(project.manifest().contains(&format!("company = {{ git = \"{url}\", rev = \"{first}\" }}")));

    project.write("lists/market.toml", &list_of(&["audit", "mail"]));
    let second = project.commit("lists");
    let listed = project.market(&["list"]);
    listed.says(&["audit"]);
    assert!(!listed.stdout.contains("mail"), "{}", listed.stdout);

    let updated = project.json(&["update", "company"]);
    assert_eq!((&updated["lists"][0]["before"], &updated["lists"][0]["pin"]), (&json!(first), &json!(second)));
    assert_eq!(updated["lists"][0]["changes"][0]["starter"], "mail");
    project.market(&["list"]).says(&["mail"]);
    // And back to where it was.
    project.market(&["update", "company", "--rev", &first]).says(&["mail: gone"]);
    assert!(project.manifest().contains(&first));
}

#[test]
fn branches_and_tags_are_held_to_their_commits() {
    if !has_git("branches_and_tags_are_held_to_their_commits") {
        return;
    }
    let project = Project::new();
    project.write("lists/ours/market.toml", &list_of(&["audit"]));
    let first = project.repository("lists");
    project.git("lists", &["tag", "--annotate", "v1", "--message", "one"]);
    project.git("lists", &["checkout", "--quiet", "-b", "next"]);
    project.write("lists/ours/market.toml", &list_of(&["mail"]));
    let second = project.commit("lists");
    let url = project.url("lists");
    let from = |name: &str, rev: &str| project.json(&["use", name, "--git", &url, "--rev", rev, "--path", "ours"]);
    assert_eq!(from("one", "v1")["pin"], json!(first));
    assert_eq!(from("two", "next")["pin"], json!(second));
    project.market(&["use", "three", "--git", &url, "--rev", "v2", "--path", "ours"]).refused(&["has no `v2`"]);
    project.market(&["use", "three", "--git", &url]).refused(&["has no list in its root", "--path"]);
    project.market(&["list"]).says(&["audit", "mail"]);
}

#[test]
fn starters_in_the_repository_of_their_list_come_from_its_commit() {
    if !has_git("starters_in_the_repository_of_their_list_come_from_its_commit") {
        return;
    }
    let project = Project::new();
    project.write("lists/market.toml", &list_of(&["audit"]).replace("version = \"1.2\"", "path = \"audit\""));
    let commit = project.repository("lists");
    let url = project.url("lists");
    let told = project.json(&["show", "audit", "--list", &format!("git+{url}#{commit}")]);
    assert_eq!(told["starter"]["source"], json!({ "kind": "git", "url": url, "rev": commit }));
    assert_eq!(told["list"], "lists");
}

#[test]
fn a_repository_on_the_command_line_is_named_with_its_commit() {
    if !has_git("a_repository_on_the_command_line_is_named_with_its_commit") {
        return;
    }
    let project = Project::new();
    project.write("lists/market.toml", &list_of(&["audit"]));
    let commit = project.repository("lists");
    let url = project.url("lists");
    let list = |place: &str| project.market(&["list", "--list", place]);
    let named = format!("git+{url}#{commit}");
    list(&format!("git+{url}")).refused(&["not pinned to a commit", &commit, &format!("--list {named}")]);
    list(&format!("git+{url}#main")).refused(&["not pinned to a commit", &commit]);
    list(&named).says(&["audit"]);
    list(&format!("x=git+ext::sh#{commit}")).refused(&["no address of a repository", "https://"]);
}

#[test]
fn without_a_network_the_cache_serves_and_what_is_in_it_is_said() {
    if !has_git("without_a_network_the_cache_serves_and_what_is_in_it_is_said") {
        return;
    }
    let project = Project::new();
    project.write("lists/market.toml", &list_of(&["audit"]));
    let first = project.repository("lists");
    let url = project.url("lists");
    project.market(&["use", "company", "--git", &url]).says(&["audit"]);
    fs::rename(project.path("lists"), project.path("gone")).unwrap();

    project.market(&["list"]).says(&["audit"]);
    let manifest = project.manifest();
    let cached = format!("the cache has of it the commits {first}");
    project.market(&["update"]).refused(&["cannot be reached", &url, &cached, "market forget company"]);
    assert_eq!(project.manifest(), manifest);

    fs::remove_dir_all(project.path("cache")).unwrap();
    project.market(&["list"]).refused(&["of the list `company` cannot be reached", "the cache has nothing of it"]);
    let told = project.market(&["list", "--json"]);
    assert_eq!((told.status, told.json()["error"]["code"].as_str()), (1, Some("market-unreachable")));
    // It can still be taken out.
    project.market(&["forget", "company"]).says(&["no more"]);
    project.market(&["list"]).says(&["http"]);
}

#[test]
fn a_commit_that_the_repository_does_not_have_is_refused() {
    if !has_git("a_commit_that_the_repository_does_not_have_is_refused") {
        return;
    }
    let project = Project::new();
    project.write("lists/market.toml", &list_of(&["audit"]));
    project.repository("lists");
    let absent = "0123456789abcdef0123456789abcdef01234567";
    let place = format!("git+{}#{absent}", project.url("lists"));
    project.market(&["list", "--list", &place]).refused(&["has no commit 0123456789abcdef"]);
    // A name in the place of a commit may come to mean another one.
    let manifest = format!(
        "[workspace]\nmembers = [\"base\"]\n[workspace.metadata.bedplate.markets]\n\
         company = {{ git = \"{}\", rev = \"main\" }}\n",
        project.url("lists")
    );
    project.write("shop/Cargo.toml", &manifest);
    project.market(&["list"]).refused(&["pinned to `main`, which is no commit", "40 hexadecimal digits"]);
}
