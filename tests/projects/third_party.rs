//! Starters of somebody else: what their lists say must be so, and what they break is told by their names.

use std::fs;

use bedplate_tests::place::{Place, bedplate};

/// A project, and beside it a folder of starters and their list.
struct Company {
    place: Place,
}

const STARTER: &str = r#"
//! Does nothing.
use bedplate::{Composition, Result, Starter, StarterContext, starter};

/// Does nothing.
#[starter(name = "NAME")]
pub struct Idle;

impl Starter for Idle {
    type Prepared = ();

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self)
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }
}
"#;

impl Company {
    fn new() -> Self {
        let place = Place::new();
        place.works("", &["new", "shop", "--starters", "http", "--bedplate", &bedplate()]);
        Self { place }
    }

    /// A starter of the crate `company-NAME`, with more in its manifest.
    fn starter(&self, name: &str, more: &str) {
        let core = bedplate().strip_prefix("path:").unwrap().to_owned();
        let manifest = format!(
            "[package]\nname = \"company-{name}\"\nversion = \"1.2.0\"\nedition = \"2024\"\n\n\
             [package.metadata.bedplate]\nkind = \"starter\"\n\n[dependencies]\nbedplate = {{ path = \"{core}/core\" }}\n{more}"
        );
        self.write(&format!("{name}/Cargo.toml"), &manifest);
        self.write(&format!("{name}/src/lib.rs"), &STARTER.replace("NAME", name));
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.place.path(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// The list, with these starters and what more it says of each.
    fn list(&self, starters: &[(&str, &str)]) {
        let starters = starters.iter().map(|(name, more)| {
            format!(
                "\n[[starter]]\nname = \"{name}\"\ncrate = \"company-{name}\"\npath = \"{name}\"\nabout = \"What {name} does.\"\n\
                 group = \"company\"\n{more}\n"
            )
        });
        self.write("company.toml", &format!("version = 1\n{}", starters.collect::<String>()));
    }

    #[track_caller]
    fn refused(&self, starters: &[&str], code: &str, words: &[&str]) {
        let before = self.place.files("shop");
        let add = [&["add"][..], starters, &["--yes", "--list", "../company.toml"]].concat();
        self.place.refused("shop", &add, code, words);
        assert_eq!(self.place.files("shop"), before, "something has changed");
    }
}

const OURS: &str = "bedplate = \">=0.1, <0.2\"";

#[test]
fn what_a_list_says_must_be_so() {
    let company = Company::new();
    company.starter("idle", "");
    company.list(&[("idle", "version = \"2\"\nbedplate = \">=0.1, <0.2\"")]);
    company.refused(&["idle"], "list-disagrees", &["`company`", "`idle`", "company-idle", "^2", "version 1.2.0"]);

    company.list(&[("idle", "version = \"1.2\"\nbedplate = \">=0.9\"")]);
    company.refused(&["idle"], "bedplate-version", &["`idle`", ">=0.9", "bedplate 0.1.0", "market update"]);
    let new = ["new", "mart", "--starters", "idle", "--yes", "--list", "company.toml", "--bedplate", &bedplate()];
    company.place.refused("", &new, "bedplate-version", &["`idle`", ">=0.9"]);
    assert!(!company.place.path("mart").exists());

    company.list(&[("idle", OURS), ("rest", &format!("excludes = [\"idle\"]\n{OURS}"))]);
    company.refused(&["idle", "rest"], "starters-exclude", &["`idle`", "`rest`", "leave one of them out"]);
    company.place.works("shop", &["add", "idle", "--no-check", "--yes", "--list", "../company.toml"]);
    company.refused(&["rest"], "starters-exclude", &["cargo bedplate remove idle"]);
    // Its name is not that of its crate, and it is known all the same.
    company.place.works("shop", &["remove", "idle"]);

    let manifest = company.place.read("idle/Cargo.toml").replace("kind = \"starter\"", "kind = \"module\"");
    company.write("idle/Cargo.toml", &manifest);
    company.refused(&["idle"], "no-starter", &["company-idle", "`company`"]);
    let two = format!(
        "{}{}",
        company.place.read("company.toml"),
        company.place.read("company.toml").replace("version = 1\n", "")
    );
    company.write("company.toml", &two);
    company.refused(&["idle"], "market-malformed", &["`idle` is there twice", "company.toml:"]);
}

#[test]
fn a_list_that_was_changed_is_not_picked_from() {
    let company = Company::new();
    company.starter("idle", "");
    company.list(&[("idle", OURS)]);
    company.place.works("shop", &["market", "use", "company", "--file", "../company.toml"]);
    let list = company.place.read("company.toml").replace("What idle does.", "What is new.");
    company.write("company.toml", &list);
    let before = company.place.files("shop");
    company.place.refused(
        "shop",
        &["add", "sql", "--no-check"],
        "market-pin",
        &["`company`", "pinned", "market update company"],
    );
    assert_eq!(company.place.files("shop"), before, "something has changed");
    let updated = company.place.works("shop", &["market", "update", "company"]);
    assert_eq!(updated["lists"][0]["changes"][0]["field"], "about", "{updated:#}");
    company.place.refused("shop", &["add", "idle"], "not-confirmed", &["company-idle", "sha256:", "--yes"]);
    company.place.works("shop", &["add", "idle", "--yes"]);
}

#[test]
fn a_starter_that_doubles_a_shared_crate_is_named_with_it() {
    let company = Company::new();
    company.write("anyhow/Cargo.toml", "[package]\nname = \"anyhow\"\nversion = \"9.9.9\"\nedition = \"2024\"\n");
    company.write("anyhow/src/lib.rs", "//! Another one.\n");
    company.starter("idle", "anyhow = { path = \"../anyhow\" }\n");
    company.list(&[("idle", OURS)]);
    company.refused(&["idle"], "crate-twice", &["`idle`", "`anyhow` 9.9.9", "the base has `anyhow` 1."]);
}

#[test]
fn a_starter_that_does_not_compile_is_named() {
    let company = Company::new();
    company.starter("idle", "");
    company.write("idle/src/lib.rs", &STARTER.replace("NAME", "idle").replace("Ok(Self)", "Ok(wrong())"));
    company.list(&[("idle", OURS)]);
    let words = ["`idle`", "company-idle", "cannot find function `wrong`", "as they were"];
    company.refused(&["idle"], "starter-does-not-compile", &words);
}
