//! The lists in a project's `Cargo.toml`.

use std::fs;
use std::path::Path;

use super::super::{Origin, read, remove, write};
use super::failure;

const BEFORE: &str = "\
[workspace]
members = [\"base\"] # the base

[workspace.dependencies] # what all have
bedplate = \"0.1\"

[profile.dev]
debug = false
";

fn project(text: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Cargo.toml"), text).unwrap();
    folder
}

fn text_of(project: &Path) -> String {
    fs::read_to_string(project.join("Cargo.toml")).unwrap()
}

#[test]
fn a_list_comes_and_goes_and_all_else_stays_as_it_was() {
    let folder = project(BEFORE);
    let git = Origin::Git { url: "https://example.org/lists".to_owned(), path: "lists".to_owned() };
    let file = Origin::File { path: folder.path().join("lists/market.toml") };
    write(folder.path(), "company", &git, "abc").unwrap();
    write(folder.path(), "here", &file, "sha256:1").unwrap();
    let text = text_of(folder.path());
    assert!(text.starts_with("[workspace]\nmembers = [\"base\"] # the base\n"), "{text}");
    assert!(text.contains("[workspace.metadata.bedplate.markets]\n"), "{text}");
    let own = "company = { git = \"https://example.org/lists\", path = \"lists\", rev = \"abc\" }";
    assert!(text.contains(own), "{text}");
    assert!(text.contains("here = { file = \"lists/market.toml\", digest = \"sha256:1\" }"), "{text}");

    let found = read(folder.path()).unwrap();
    assert_eq!((found[0].name.as_str(), &found[0].origin, found[0].pin.as_deref()), ("company", &git, Some("abc")));
    assert_eq!((&found[1].origin, found[1].pin.as_deref()), (&file, Some("sha256:1")));
    assert!(found[1].place.ends_with("Cargo.toml:9"), "{}", found[1].place);

    write(folder.path(), "here", &file, "sha256:2").unwrap();
    assert_eq!(read(folder.path()).unwrap()[1].pin.as_deref(), Some("sha256:2"));
    remove(folder.path(), "company").unwrap();
    remove(folder.path(), "here").unwrap();
    assert_eq!(text_of(folder.path()), BEFORE);
}

#[test]
fn a_new_pin_leaves_the_comments_and_the_form_of_the_table() {
    let text = "[workspace]\n[workspace.metadata.bedplate.markets.company] # ours\nfolder = \"lists\"\n\
                digest = \"sha256:1\" # read by Ann\n";
    let folder = project(text);
    let origin = Origin::Folder { path: folder.path().join("lists") };
    write(folder.path(), "company", &origin, "sha256:2").unwrap();
    assert_eq!(text_of(folder.path()), text.replace("sha256:1", "sha256:2"));
}

#[test]
fn a_list_that_says_what_cannot_be_is_named_with_its_line() {
    let cases = [
        ("company = { git = \"x\", digest = \"y\" }", "says too much"),
        ("company = { digest = \"y\" }", "comes from nowhere"),
        ("company = { file = \"a\", folder = \"b\" }", "says too much"),
        ("company = { fil = \"a\" }", "unknown field `fil`"),
        ("company = \"a\"", "invalid type"),
    ];
    for (entry, what) in cases {
        let folder = project(&format!("[workspace]\n[workspace.metadata.bedplate.markets]\n{entry}\n"));
        let found = failure(read(folder.path()));
        assert_eq!(found.code, "market-manifest");
        assert!(found.what.contains("Cargo.toml:3: ") && found.what.contains(what), "{found}");
    }
    for name in ["bedplate", "\"../x\""] {
        let folder = project(&format!("[workspace.metadata.bedplate.markets]\n{name} = {{ file = \"a\" }}\n"));
        assert_eq!(failure(read(folder.path())).code, "market-name");
    }
}

#[test]
fn a_path_is_relative_where_it_lies_in_the_project_or_beside_it() {
    let folder = project("[workspace]\n");
    let shop = folder.path().join("shop");
    fs::create_dir(&shop).unwrap();
    fs::rename(folder.path().join("Cargo.toml"), shop.join("Cargo.toml")).unwrap();
    for (name, path, written) in [
        ("inside", shop.join("lists"), "\"lists\""),
        ("beside", folder.path().join("lists"), "\"../lists\""),
        ("far", Path::new("/srv/lists").to_owned(), "\"/srv/lists\""),
    ] {
        write(&shop, name, &Origin::Folder { path: path.clone() }, "sha256:1").unwrap();
        assert!(text_of(&shop).contains(&format!("{name} = {{ folder = {written}")), "{}", text_of(&shop));
        let found = read(&shop).unwrap();
        assert!(found.iter().any(|pinned| pinned.origin == Origin::Folder { path: path.clone() }), "{found:?}");
    }
}
