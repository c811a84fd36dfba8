//! Manifests as people write them: what stands in them stays, and whatever form it has is understood.

use std::fs;

use bedplate_tests::place::{Place, bedplate};

fn shop(starters: &str) -> Place {
    let place = Place::new();
    place.works("", &["new", "shop", "--starters", starters, "--bedplate", &bedplate()]);
    place
}

/// `new`, `add`, `remove`, `module new` and `module remove` end where they began.
fn there_and_back(place: &Place) {
    let manifests = || -> Vec<_> {
        let files = place.files("shop").into_iter();
        files.filter(|(file, _)| file.ends_with("Cargo.toml") || file.ends_with("bedplate.toml")).collect()
    };
    place.works("shop", &["add", "sql", "--no-check"]);
    place.works("shop", &["remove", "sql"]);
    let before = manifests();
    place.works("shop", &["add", "sql", "--no-check"]);
    place.works("shop", &["remove", "sql"]);
    assert_eq!(manifests(), before, "a starter came and went");
    place.works("shop", &["module", "new", "orders"]);
    place.works("shop", &["module", "remove", "orders"]);
    let names = |files: &[(std::path::PathBuf, String)]| files.iter().map(|(file, _)| file.clone()).collect::<Vec<_>>();
    assert_eq!(names(&manifests()), names(&before), "a module came and went");
    let lists = |place: &Place| place.read("shop/base/Cargo.toml");
    assert!(!lists(place).contains("orders") && !place.read("shop/Cargo.toml").contains("orders"));
}

#[test]
fn the_ends_of_lines_and_comments_stay() {
    let place = shop("http");
    for name in ["shop/Cargo.toml", "shop/base/Cargo.toml", "shop/base/bedplate.toml"] {
        let text = format!("# Ours.\n{}# The end.\n", place.read(name)).replace('\n', "\r\n");
        fs::write(place.path(name), text).unwrap();
    }
    place.works("shop", &["add", "sql", "--no-check"]);
    place.works("shop", &["module", "new", "orders"]);
    for name in ["shop/Cargo.toml", "shop/base/Cargo.toml", "shop/base/bedplate.toml"] {
        let text = place.read(name);
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{name}: {text:?}");
        assert!(text.starts_with("# Ours.\r\n") && text.contains("# The end.\r\n"), "{name}: {text}");
    }
    assert!(place.read("shop/base/bedplate.toml").contains("[starters.sql]"));
    place.works("shop", &["module", "remove", "orders"]);
    there_and_back(&place);
    assert!(place.read("shop/base/bedplate.toml").contains("# The end.\r\n"), "a comment went with a section");
}

#[test]
fn tables_may_be_written_in_any_form() {
    let place = shop("http");
    place.replace(
        "shop/base/Cargo.toml",
        "[dependencies]\nbedplate.workspace = true\nbedplate-starter-http.workspace = true\n",
        "[dependencies.bedplate] # the core\nworkspace = true\n\n[dependencies.bedplate-starter-http]\nworkspace = true\n",
    );
    there_and_back(&place);
    let base = place.read("shop/base/Cargo.toml");
    assert!(base.contains("[dependencies.bedplate] # the core\nworkspace = true\n"), "{base}");

    let place = shop("http");
    place.replace(
        "shop/base/Cargo.toml",
        "[dependencies]\nbedplate.workspace = true\nbedplate-starter-http.workspace = true\n",
        "[dependencies]\nbedplate = { workspace = true }\nbedplate-starter-http = { workspace = true } # the web\n",
    );
    let root = place.read("shop/Cargo.toml");
    let (head, shared) = root.split_once("[workspace.dependencies]\n").unwrap();
    let (shared, tail) = shared.split_once("\n\n").unwrap();
    let inline = shared.lines().collect::<Vec<_>>().join(", ");
    let head = head.replace("[workspace]\n", &format!("[workspace]\ndependencies = {{ {inline} }}\n"));
    fs::write(place.path("shop/Cargo.toml"), format!("{head}\n{tail}")).unwrap();
    there_and_back(&place);
    assert!(place.read("shop/base/Cargo.toml").contains("bedplate-starter-http = { workspace = true } # the web\n"));
}

#[test]
fn a_starter_by_another_name_is_known_and_taken_out() {
    let place = shop("http,sql");
    let source = |package: &str| {
        let root = place.read("shop/Cargo.toml");
        root.lines().find_map(|line| line.strip_prefix(&format!("{package} = {{ "))).unwrap().to_owned()
    };
    let http = source("bedplate-starter-http");
    let renamed = format!("web = {{ package = \"bedplate-starter-http\", {http}");
    place.replace("shop/Cargo.toml", &format!("bedplate-starter-http = {{ {http}"), &renamed);
    place.replace("shop/base/Cargo.toml", "bedplate-starter-http.workspace = true", "web.workspace = true");
    let again = place.works("shop", &["add", "http"]);
    assert_eq!(again["added"], serde_json::json!([]), "{again:#}");
    place.works("shop", &["remove", "http"]);
    assert!(!place.read("shop/Cargo.toml").contains("web"), "{}", place.read("shop/Cargo.toml"));
    assert!(!place.read("shop/base/Cargo.toml").contains("web"));
    assert!(place.read("shop/Cargo.toml").contains("bedplate-starter-sql"));
}

#[test]
fn a_starter_that_is_optional_is_not_there_yet() {
    let place = shop("http,sql");
    let optional = "bedplate-starter-sql = { workspace = true, optional = true }";
    place.replace("shop/base/Cargo.toml", "bedplate-starter-sql.workspace = true", optional);
    place.cargo("shop", &["metadata", "--format-version", "1"]);
    let before = place.files("shop");
    place.refused("shop", &["add", "sql", "--no-check"], "not-linked", &["`sql`", "optional = true"]);
    assert_eq!(place.files("shop"), before, "something has changed");
}

#[test]
fn a_base_may_be_the_root_of_its_workspace_and_share_nothing() {
    let place = Place::new();
    let checkout = bedplate();
    let checkout = checkout.strip_prefix("path:").unwrap();
    fs::create_dir_all(place.path("shop/src")).unwrap();
    fs::write(place.path("shop/src/main.rs"), "bedplate::base!();\n").unwrap();
    let manifest = format!(
        "[package]\nname = \"shop\"\nedition = \"2024\"\n\n[dependencies]\nbedplate = {{ path = \"{checkout}/core\" }}\n"
    );
    fs::write(place.path("shop/Cargo.toml"), &manifest).unwrap();
    place.works("shop", &["add", "http", "--no-check"]);
    let listed = place.read("shop/Cargo.toml");
    assert!(listed.contains(&format!("bedplate-starter-http = {{ path = \"{checkout}/starters/http\" }}")), "{listed}");
    place.works("shop", &["module", "new", "orders"]);
    let module = place.read("shop/modules/orders/Cargo.toml");
    assert!(module.contains("edition = \"2024\"") && !module.contains("edition.workspace"), "{module}");
    let root = place.read("shop/Cargo.toml");
    assert!(root.contains("orders = { path = \"modules/orders\" }"), "{root}");
    place.works("shop", &["module", "remove", "orders"]);
    place.works("shop", &["remove", "http"]);
    assert!(place.read("shop/Cargo.toml").starts_with(&manifest), "{}", place.read("shop/Cargo.toml"));
}
