//! Lists that are made from starters, and held against them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

/// A workshop is one folder, and so is what is built for it: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

/// This repository.
fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// What the tool builds stays from one run of the tests to the next.
fn temporary(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn market(folder: &Path, arguments: &[&str]) -> (i32, Value) {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_cargo-bedplate"));
    tool.arg("market").args(arguments).arg("--json").current_dir(folder);
    tool.env("CARGO_TARGET_DIR", temporary("market-target")).env("BEDPLATE_CACHE", temporary("market-cache"));
    let output = tool.output().unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    assert_eq!(told["version"], 1, "{told}");
    (output.status.code().unwrap(), told)
}

#[test]
fn the_list_that_comes_with_the_tool_is_what_is_made_of_our_starters() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let starters = repository().join("starters");
    let (status, made) = market(&starters, &["generate", "."]);
    assert_eq!(status, 0, "{made}");
    let there = fs::read_to_string(starters.join("market.toml")).unwrap();
    let is_same = made["text"].as_str() == Some(&there);
    assert!(
        is_same,
        "starters/market.toml is not what its starters say. Make it anew: \
         cargo bedplate market generate starters --out starters/market.toml"
    );
    let (status, checked) = market(repository(), &["check", "bedplate"]);
    assert_eq!((status, &checked["ok"]), (0, &json!(true)), "{checked}");
    assert_eq!(checked["lists"], json!([{ "name": "bedplate", "ok": true, "differences": [] }]));
}

/// Two starters of a company, in a workspace of their own, one of which needs the other.
struct Company {
    folder: PathBuf,
    _turn: MutexGuard<'static, ()>,
}

impl Company {
    fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = temporary("market-company");
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        let company = Self { folder, _turn: turn };
        let core = repository().join("core");
        company.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"clock\", \"calendar\"]\n");
        // The versions of this repository, so that nothing is fetched.
        fs::copy(repository().join("Cargo.lock"), company.folder.join("Cargo.lock")).unwrap();
        let package = |name: &str, more: &str| {
            format!(
                "[package]\nname = \"company-{name}\"\nversion = \"2.1.0\"\nedition = \"2024\"\n\
                 description = \"Bedplate starter: the {name}.\"\nrepository = \"https://example.org/{name}\"\n\n\
                 [package.metadata.bedplate]\nkind = \"starter\"\n{more}\n\
                 bedplate = {{ path = {core:?}, version = \"0.1.0\" }}\n"
            )
        };
        company.write("clock/Cargo.toml", &package("clock", "\n[dependencies]"));
        company.write("clock/src/lib.rs", CLOCK);
        let more = "group = \"time\"\nexcludes = [\"almanac\"]\n\n[package.metadata.bedplate.features]\n\
                    holidays = \"knows the holidays\"\n\n[features]\nholidays = []\n\n[dependencies]\n\
                    company-clock = { path = \"../clock\" }";
        company.write("calendar/Cargo.toml", &package("calendar", more));
        company.write("calendar/src/lib.rs", CALENDAR);
        company
    }

    fn write(&self, name: &str, text: &str) {
        let file = self.folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    fn change(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.folder.join(name)).unwrap();
        assert!(text.contains(from), "{text}");
        self.write(name, &text.replace(from, to));
    }

    fn market(&self, arguments: &[&str]) -> (i32, Value) {
        market(&self.folder, arguments)
    }

    fn failure(&self, arguments: &[&str]) -> String {
        let (status, told) = self.market(arguments);
        assert_eq!(status, 1, "{told}");
        told["error"]["what"].as_str().unwrap_or_else(|| panic!("{told}")).to_owned()
    }
}

const CLOCK: &str = r#"
//! Tells the time.
use bedplate::{Composition, Handle, Result, Settings, Starter, StarterContext, starter};

/// The time.
#[derive(Clone)]
pub struct Time;

impl Handle for Time {
    type Options = ();
}

#[derive(Settings)]
struct ClockSettings {
    /// How fast it goes.
    /// In turns of the hand.
    #[setting(default = 60)]
    pace: u32,
}

/// Tells the time.
#[starter(name = "clock", provides(Time), settings = ClockSettings)]
pub struct Clock;

impl Starter for Clock {
    type Prepared = ();

    async fn start(ctx: &StarterContext) -> Result<Self> {
        let ClockSettings { pace: _ } = ctx.settings()?;
        Ok(Self)
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }
}
"#;

const CALENDAR: &str = r#"
//! Tells the day.
use bedplate::{Composition, Result, Starter, StarterContext, starter};
use company_clock::Clock;

/// Tells the day.
#[starter(name = "calendar", needs(Clock))]
pub struct Calendar;

impl Starter for Calendar {
    type Prepared = ();

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self)
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }
}
"#;

#[test]
fn a_list_is_made_from_what_starters_say_and_register_and_is_held_against_them() {
    let company = Company::new();
    let (status, made) = company.market(&["generate", ".", "--out", "clock/market.toml"]);
    assert_eq!((status, &made["starters"]), (1, &Value::Null), "a workspace is no starter: {made}");
    let (status, made) = company.market(&["generate", "calendar", "clock", "--out", "market.toml"]);
    assert_eq!((status, &made["starters"]), (0, &json!(["calendar", "clock"])), "{made}");

    let (_, calendar) = company.market(&["show", "calendar", "--list", "market.toml"]);
    let calendar = &calendar["starter"];
    let said = ["crate", "version", "about", "group", "bedplate", "needs", "excludes", "features", "links"];
    let said: Vec<_> = said.into_iter().map(|field| calendar[field].clone()).collect();
    let expected = json!([
        "company-calendar", "^2.1.0", "The calendar.", "time", "^0.1.0", ["clock"], ["almanac"],
        { "holidays": "knows the holidays" }, { "repository": "https://example.org/calendar" },
    ]);
    assert_eq!(json!(said), expected);
    assert_eq!(calendar["source"], json!({ "kind": "path", "path": company.folder.join("calendar") }));
    let (_, clock) = company.market(&["show", "clock", "--list", "market.toml"]);
    assert_eq!((&clock["starter"]["provides"], &clock["starter"]["group"]), (&json!(["Time"]), &json!("other")));
    let pace = json!([{
        "key": "pace", "kind": "a whole number from 0 to 4294967295", "default": "60", "required": false,
        "help": "How fast it goes. In turns of the hand.",
    }]);
    assert_eq!(clock["starter"]["settings"], pace);

    let unconfirmed = company.failure(&["check", "--list", "market.toml"]);
    assert!(unconfirmed.contains("`clock`: the crate company-clock, from the folder"), "{unconfirmed}");
    let (status, checked) = company.market(&["check", "--yes", "--list", "market.toml"]);
    assert_eq!((status, checked["lists"].as_array().unwrap().len()), (0, 1), "{checked}");

    // The starters go on; the list stays what it was.
    company.change("clock/src/lib.rs", "default = 60", "default = 61");
    company.change("calendar/Cargo.toml", "the calendar", "the days");
    let (status, checked) = company.market(&["check", "--yes", "--list", "market.toml"]);
    assert_eq!((status, &checked["ok"]), (1, &json!(false)));
    let differences = json!([
        { "starter": "calendar", "field": "about", "listed": "The calendar.", "actual": "The days." },
        { "starter": "clock", "field": "settings.pace.default", "listed": "60", "actual": "61" },
    ]);
    assert_eq!(checked["lists"][0]["differences"], differences);
}

#[test]
fn a_starter_that_is_none_or_does_not_compile_is_named() {
    let company = Company::new();
    let both = ["generate", "clock", "calendar"];
    company.change("calendar/src/lib.rs", "Ok(Self)", "Ok(())");
    let broken = company.failure(&both);
    assert!(broken.contains("the starter in the crate `company-calendar` does not compile"), "{broken}");
    assert!(broken.contains("mismatched types"), "{broken}");
    company.change(
        "calendar/src/lib.rs",
        "Ok(())\n    }\n\n    async fn prepare",
        "Ok(Self)\n    }\n\n    async fn prepare",
    );

    company.change("calendar/Cargo.toml", "holidays = \"knows", "holiday = \"knows");
    let feature = company.failure(&both);
    assert!(feature.contains("calendar/Cargo.toml") && feature.contains("has no such feature"), "{feature}");
    company.change("calendar/Cargo.toml", "holiday = \"knows", "holidays = \"knows");

    company.change("clock/Cargo.toml", "kind = \"starter\"", "kind = \"starter\"\nbedplate = \">=0.2\"");
    let range = company.failure(&both);
    assert!(range.contains("works with bedplate >=0.2, as it says, and is built with 0.1.0"), "{range}");
    company.change("clock/Cargo.toml", "kind = \"starter\"\nbedplate = \">=0.2\"", "kind = \"module\"");
    let module = company.failure(&both);
    assert!(module.contains("does not say that it is a starter"), "{module}");
    let absent = company.failure(&["generate", "watch"]);
    assert!(absent.contains("watch: No such file"), "{absent}");
}
