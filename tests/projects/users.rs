//! What is in use is not taken out: whoever uses it is named, and by what.

use std::fs;

use bedplate_tests::place::{Place, bedplate};

/// A shop with two modules, `orders` and `bills`.
fn shop() -> Place {
    let place = Place::new();
    place.works("", &["new", "shop", "--starters", "http,sql", "--bedplate", &bedplate()]);
    place.works("shop", &["module", "new", "orders"]);
    place.works("shop", &["module", "new", "bills"]);
    place
}

#[test]
fn a_module_is_taken_out_where_nobody_uses_it() {
    let place = shop();
    let bills = "shop/modules/bills/Cargo.toml";
    let refused = |place: &Place, words: &[&str]| {
        // Cargo reads what the test wrote, and then the lock file says so.
        place.cargo("shop", &["metadata", "--format-version", "1"]);
        let before = place.files("shop");
        place.refused("shop", &["module", "remove", "orders"], "module-in-use", words);
        assert_eq!(place.files("shop"), before, "something has changed");
    };
    let listed = "[dependencies]\n";
    place.replace(bills, listed, "[dependencies]\norders-contract.workspace = true\n");
    refused(&place, &["`bills` (through `Orders`)", "another module serve"]);
    // Its trait stands wherever it wants in the crate of the contract.
    fs::rename(place.path("shop/contracts/orders/src/lib.rs"), place.path("shop/contracts/orders/src/deep.rs"))
        .unwrap();
    fs::write(place.path("shop/contracts/orders/src/lib.rs"), "//! A contract.\n\nmod deep;\npub use deep::Orders;\n")
        .unwrap();
    refused(&place, &["`bills` (through `Orders`)"]);
    place.replace(bills, "orders-contract.workspace = true\n", "");
    place.replace(bills, "[dev-dependencies]\n", "[dev-dependencies]\norders-contract.workspace = true\n");
    refused(&place, &["`bills` (in its tests, through `Orders`)"]);
    place.replace(bills, "[dev-dependencies]\norders-contract.workspace = true\n", "[dev-dependencies]\n");
    place.replace(bills, listed, "[dependencies]\norders = { path = \"../orders\" }\n");
    refused(&place, &["`bills` (as a crate)"]);
    place.replace(bills, "orders = { path = \"../orders\" }\n", "");

    // What others serve is theirs: the contract stays, and its users.
    place.replace(bills, listed, "[dependencies]\norders-contract.workspace = true\n");
    let source = place.read("shop/modules/bills/src/lib.rs");
    let served = "\n#[bedplate::scene_service]\nimpl orders_contract::Orders for BillsModule {}\n";
    fs::write(place.path("shop/modules/bills/src/lib.rs"), source + served).unwrap();
    let settings = place.read("shop/base/bedplate.toml");
    let own = "\n[modules.orders]\nenabled = true\n\n[modules.bills]\nenabled = true\n";
    fs::write(place.path("shop/base/bedplate.toml"), settings.clone() + own).unwrap();
    fs::write(
        place.path("shop/modules/orders/migrations/0002_lines.sql"),
        "-- create table never (a);\nCREATE TABLE IF NOT EXISTS \"lines\" (id INTEGER);\n",
    )
    .unwrap();
    let removed = place.works("shop", &["module", "remove", "orders"]);
    assert_eq!(removed["removed"], serde_json::json!(["orders"]), "{removed:#}");
    assert_eq!(removed["left"]["tables"], serde_json::json!(["entries", "lines"]), "{removed:#}");
    assert_eq!(removed["left"]["scenes"], serde_json::json!(["main"]), "{removed:#}");
    assert!(place.path("shop/contracts/orders").exists() && !place.path("shop/modules/orders").exists());
    assert_eq!(place.read("shop/base/bedplate.toml"), settings + "\n[modules.bills]\nenabled = true\n");
}

#[test]
fn a_module_leaves_a_workspace_of_patterns_and_defaults() {
    let place = shop();
    let root = place.read("shop/Cargo.toml");
    let members = root.lines().find(|line| line.starts_with("members")).unwrap();
    let patterns =
        "members = [\"base\", \"modules/*\", \"contracts/*\"]\ndefault-members = [\"base\", \"modules/orders\"]";
    place.replace("shop/Cargo.toml", members, patterns);
    place.works("shop", &["module", "remove", "orders"]);
    assert!(
        place.read("shop/Cargo.toml").contains("default-members = [\"base\"]"),
        "{}",
        place.read("shop/Cargo.toml")
    );
    place.works("shop", &["module", "new", "orders"]);
    assert!(!place.read("shop/Cargo.toml").contains("\"modules/orders\"]"), "{}", place.read("shop/Cargo.toml"));
}

#[test]
fn a_starter_is_in_use_through_a_helper_too() {
    let place = shop();
    let helper = "[package]\nname = \"helper\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\nbedplate-starter-sql.workspace = true\n";
    fs::create_dir_all(place.path("shop/modules/helper/src")).unwrap();
    fs::write(place.path("shop/modules/helper/Cargo.toml"), helper).unwrap();
    fs::write(place.path("shop/modules/helper/src/lib.rs"), "//! Helps.\n").unwrap();
    for module in ["orders", "bills"] {
        let manifest = format!("shop/modules/{module}/Cargo.toml");
        place.replace(&manifest, "bedplate-starter-sql.workspace = true\n", "");
    }
    place.replace(
        "shop/modules/bills/Cargo.toml",
        "[dependencies]\n",
        "[dependencies]\nhelper = { path = \"../helper\" }\n",
    );
    place.refused("shop", &["remove", "sql"], "starter-in-use", &["`bills`"]);
    place.replace("shop/modules/bills/Cargo.toml", "helper = { path = \"../helper\" }\n", "");
    place.works("shop", &["remove", "sql", "sql"]);
    assert!(!place.read("shop/base/Cargo.toml").contains("bedplate-starter-sql"));
}
