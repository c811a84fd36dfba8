//! What is out of order in a workspace, as cargo describes it and as its sources stand there.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;

use super::packages::Packages;
use super::violation::Violation;
use super::{contracts, sources};
use crate::order::composed::{Composed, Contract};
use crate::workspace::{Selection, Workspace};

/// A workspace of crates that say what they are and hold nothing; nothing of it is compiled.
struct Shop {
    folder: TempDir,
    members: Vec<String>,
}

impl Shop {
    fn new() -> Self {
        let shop = Self { folder: tempfile::tempdir().unwrap(), members: Vec::new() };
        shop.package("bedplate", "0.1.0", "bedplate", "", "");
        shop
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// A package in a folder; `kind` may be empty, and each word of `uses` is a folder or `NAME=FOLDER`.
    fn package(&self, name: &str, version: &str, folder: &str, kind: &str, uses: &str) {
        let kind = match kind {
            "" => String::new(),
            kind => format!("[package.metadata.bedplate]\nkind = \"{kind}\"\n"),
        };
        let uses = uses.split_whitespace().map(|used| {
            let (package, folder) = used.split_once('=').unwrap_or((used, used));
            let key = folder.replace(['/', '.'], "-");
            format!("{key} = {{ package = \"{package}\", path = {:?} }}\n", self.folder.path().join(folder))
        });
        let uses: String = uses.collect();
        self.write(
            &format!("{folder}/Cargo.toml"),
            &format!("[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2024\"\n{kind}[dependencies]\n{uses}"),
        );
        let source = self.folder.path().join(folder).join("src/lib.rs");
        if !source.exists() {
            self.write(&format!("{folder}/src/lib.rs"), "");
        }
    }

    fn member(&mut self, name: &str, kind: &str, uses: &str) {
        self.package(name, "0.1.0", &format!("shop/{name}"), kind, &format!("bedplate {uses}"));
        self.members.push(name.to_owned());
    }

    fn read(&self, base_uses: &str) -> Workspace {
        self.package("base", "0.1.0", "shop/base", "", &format!("bedplate {base_uses}"));
        self.write("shop/base/src/main.rs", "bedplate::base!();\n");
        fs::remove_file(self.folder.path().join("shop/base/src/lib.rs")).unwrap();
        let members: Vec<_> = self.members.iter().map(String::as_str).chain(["base"]).collect();
        self.write("shop/Cargo.toml", &format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n"));
        let manifest = Some(self.folder.path().join("shop/Cargo.toml"));
        Workspace::read(&Selection { manifest, ..Selection::default() }).unwrap()
    }
}

fn rules(found: &[Violation]) -> Vec<(&str, &str)> {
    found.iter().map(|found| (found.rule.as_str(), found.subject.as_str())).collect()
}

fn contract(name: &str, package: &str, version: &str, publishers: &[&str], users: &[&str]) -> Contract {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Contract {
        name: name.to_owned(),
        package: package.to_owned(),
        version: version.to_owned(),
        docs: String::new(),
        methods: Vec::new(),
        publishers: owned(publishers),
        users: owned(users),
    }
}

fn composed(contracts: Vec<Contract>, problems: Vec<serde_json::Value>) -> Composed {
    Composed { base: "base".to_owned(), modules: Vec::new(), starters: Vec::new(), contracts, problems }
}

#[test]
fn modules_and_contracts_list_what_they_may() {
    let mut shop = Shop::new();
    shop.member("web", "starter", "");
    shop.member("pay-contract", "contract", "web=shop/web");
    shop.member("pay", "module", "pay-contract=shop/pay-contract");
    shop.member("orders", "module", "pay=shop/pay pay-contract=shop/pay-contract");
    // Another base of the workspace has them.
    shop.member("gift-contract", "contract", "web=shop/web");
    shop.member("gift", "module", "gift-contract=shop/gift-contract pay=shop/pay");
    let workspace = shop.read("web=shop/web pay=shop/pay orders=shop/orders");
    let found = Packages::of(&workspace).check();
    let expected = [("module-lists-module", "orders lists pay"), ("contract-lists-code", "pay-contract lists web")];
    assert_eq!(rules(&found), expected);
    assert_eq!(found[0].place, Path::new("orders/Cargo.toml").display().to_string());
}

#[test]
fn state_is_found_in_modules_their_own_crates_and_contracts() {
    let mut shop = Shop::new();
    shop.write("shop/pay/src/deep/mod.rs", "pub static SEEN: std::sync::Mutex<u8> = std::sync::Mutex::new(0);\n");
    shop.write("shop/ledger/src/lib.rs", "\nstatic TOTAL: std::sync::atomic::AtomicU64 = zero();\n");
    shop.write("shop/web/src/lib.rs", "static ALLOWED: std::sync::OnceLock<u8> = x();\n");
    shop.write("shop/shared/src/lib.rs", "static OF_THE_BASE: std::sync::OnceLock<u8> = x();\n");
    shop.write("shop/pay-contract/src/lib.rs", "static NAMES: [&str; 1] = [\"a\"];\n");
    shop.member("shared", "", "");
    shop.member("web", "starter", "shared=shop/shared");
    shop.member("ledger", "", "");
    shop.member("pay-contract", "contract", "");
    shop.member("pay", "module", "ledger=shop/ledger shared=shop/shared pay-contract=shop/pay-contract");
    let workspace = shop.read("web=shop/web pay=shop/pay");
    let found = sources::check(&Packages::of(&workspace)).unwrap();
    let expected =
        [("global-state", "ledger: TOTAL"), ("global-state", "pay: SEEN"), ("contract-static", "pay-contract: NAMES")];
    assert_eq!(rules(&found), expected);
    assert!(found[0].what.contains("`pay`") && found[0].what.contains("its crate `ledger`"), "{}", found[0]);
    assert_eq!(found[0].place, "ledger/src/lib.rs:2");
    assert_eq!(found[1].place, "pay/src/deep/mod.rs:1");
}

#[test]
fn contracts_are_served_used_and_of_one_version() {
    let mut shop = Shop::new();
    shop.member("pay-contract", "contract", "");
    shop.member("idle-contract", "contract", "");
    shop.member("pay", "module", "pay-contract=shop/pay-contract");
    let workspace = shop.read("pay=shop/pay");
    let packages = Packages::of(&workspace);
    let check = |contracts: Vec<Contract>, problems| contracts::check(&composed(contracts, problems), &packages);
    let idle = ("contract-unused", "idle-contract");

    let found = check(vec![contract("Pay", "pay-contract", "0.2.0", &["pay"], &["orders"])], Vec::new());
    assert_eq!(rules(&found), [idle]);
    let found = check(vec![contract("Pay", "pay-contract", "0.2.0", &[], &["orders"])], Vec::new());
    assert_eq!(rules(&found), [("contract-unserved", "Pay 0.2.0"), idle]);
    assert!(found[0].what.contains("`orders`"), "{}", found[0]);
    // What the base's own check says is not said twice.
    let missing = json!({ "code": "missing-service", "what": "`orders` requires `Pay`, and nobody publishes it" });
    let found = check(vec![contract("Pay", "pay-contract", "0.2.0", &[], &["orders"])], vec![missing]);
    assert_eq!(rules(&found), [idle]);

    let old = |users: &[&str]| {
        vec![
            contract("Pay", "pay-contract", "0.10.0", &["pay"], &["orders"]),
            contract("Pay", "pay-contract", "0.9.1", &["pay"], users),
        ]
    };
    let found = check(old(&["bills", "gifts"]), Vec::new());
    assert_eq!(rules(&found), [idle, ("contract-old", "Pay 0.9.1")]);
    assert!(found[1].what.contains("used by `bills`, `gifts`") && found[1].help.contains("0.10.0"), "{}", found[1]);
    let found = check(old(&[]), Vec::new());
    assert_eq!(rules(&found), [("contract-unused", "Pay 0.9.1"), idle, ("contract-old", "Pay 0.9.1")]);
    assert!(found[2].what.contains("nobody any more"), "{}", found[2]);
}
