//! What `check` finds before anything starts: each with its code, its names and all its places.

use bedplate::base::{Assembly, BaseInfo};
use bedplate::compose::{CompositionError, Problem};
use bedplate::settings::Sources;
use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{
    Contract, Field, Handle, ImplementedBy, ModuleSpec, Publishers, Service, ServiceRef, ServiceRefs, Settings, Site,
};

use crate::support::{Many, Ping, Pong, Requires, Script, Scripted, checked, failure, plain, requires};

fn problems(modules: impl IntoIterator<Item = ModuleSpec>) -> Vec<Problem> {
    let builder = modules.into_iter().fold(TestBase::builder(), TestBaseBuilder::with);
    match checked(builder) {
        Ok(()) => Vec::new(),
        Err(error) => {
            assert_eq!(error.step, "check");
            error.problems
        }
    }
}

/// The one problem of these modules.
fn problem(modules: impl IntoIterator<Item = ModuleSpec>) -> Problem {
    let mut found = problems(modules);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

/// Places as `what` and line, all of them in this file.
fn lines(problem: &Problem) -> Vec<(&str, u32)> {
    let line = |at: &str| {
        let (file, line) = at.rsplit_once(':').unwrap();
        assert!(file.ends_with("bad_input.rs"), "{at}");
        line.parse().unwrap()
    };
    problem.places.iter().map(|place| (place.what.as_str(), line(&place.at))).collect()
}

fn places(problem: &Problem) -> Vec<&str> {
    problem.places.iter().map(|place| place.what.as_str()).collect()
}

#[test]
fn two_modules_of_one_name() {
    let first = plain("twin");
    let line = line!();
    let second = plain("twin");
    let found = problem([first, plain("other"), second]);
    assert_eq!((found.code, found.what.as_str()), ("duplicate-module", "2 modules are called `twin`"));
    assert_eq!(lines(&found), [("the module `twin`", line - 1), ("the module `twin`", line + 1)]);
    assert!(found.help.contains("#[module(name = "), "{}", found.help);
}

#[test]
fn two_publishers_of_one_service() {
    let first = plain("first").publishes_ping();
    let line = line!();
    let second = plain("second").publishes_ping();
    let found = problem([first, second]);
    assert_eq!(found.code, "duplicate-publisher");
    assert_eq!(found.what, "2 modules publish `Ping` in scene `main`: `first`, `second`");
    assert_eq!(places(&found), ["`first` publishes it here", "`second` publishes it here", "the contract `Ping`"]);
    assert!(found.places[0].at.ends_with(&format!("bad_input.rs:{}", line - 1)), "{:?}", found.places);
    assert!(found.places[1].at.ends_with(&format!("bad_input.rs:{}", line + 1)), "{:?}", found.places);
    assert!(found.places[2].at.contains("support.rs:"), "{:?}", found.places);
}

#[test]
fn a_required_service_that_nobody_publishes() {
    let found = problem([plain("user").requiring(|to| {
        to.field::<ServiceRef<dyn Ping>>(Field::new("pinger").at_line(7));
    })]);
    assert_eq!(found.code, "missing-service");
    assert_eq!(found.what, "`user` requires `Ping`, and nobody publishes it in scene `main`");
    assert_eq!(places(&found), ["the field `pinger` of `user`", "the contract `Ping`"]);
    assert!(found.places[0].at.ends_with("bad_input.rs:7"), "{:?}", found.places);
    assert!(found.places[1].at.contains("support.rs:"), "{:?}", found.places);
    assert!(found.help.contains("Option<ServiceRef<dyn Ping>>"), "{}", found.help);
    // A field without a line of its own stands where its module does.
    let line = line!() + 1;
    let found = problem([plain("user").requires_ping()]);
    assert!(found.places[0].at.ends_with(&format!("bad_input.rs:{line}")), "{found}");
}

#[test]
fn a_service_that_another_module_publishes_than_the_one_that_is_named() {
    let found = problem([
        plain("publisher").publishes_ping(),
        requires::<dyn Ping>(plain("user"), Field::new("ping").from_module("billing")),
    ]);
    assert_eq!(found.code, "missing-service");
    assert_eq!(found.what, "`user` requires `Ping` by `billing`, and nobody publishes it in scene `main`");
    assert!(places(&found).contains(&"the module `publisher`"), "{found}");
}

/// The next version of `Ping`, as another version of its crate would have it.
trait NextPing: Send + Sync + 'static {}

impl NextPing for Scripted {}

impl Service for dyn NextPing {
    const CONTRACT: &'static Contract = &Contract {
        name: "Ping",
        docs: "",
        site: Site { crate_name: env!("CARGO_PKG_NAME"), version: "9.0.0", file: "next_ping.rs", line: 3 },
        publishers: Publishers::One,
        methods: &[],
    };
}

impl<T: NextPing> ImplementedBy<T> for dyn NextPing {
    fn from_object(object: std::sync::Arc<T>) -> std::sync::Arc<Self> {
        object
    }
}

#[test]
fn a_service_of_which_only_another_version_is_there() {
    let publisher = plain("publisher").publishing::<Scripted, dyn NextPing>();
    let found = problem([publisher, plain("user").requires_ping()]);
    assert_eq!(found.code, "missing-service");
    assert!(places(&found).contains(&"`publisher` publishes version 9.0.0 of it"), "{found}");
    // Side by side they do not disturb each other.
    let both = plain("both").publishes_ping().publishing::<Scripted, dyn NextPing>();
    assert_eq!(problems([both, plain("user").requires_ping()]), []);
}

#[test]
fn a_cycle_is_named_along_its_way() {
    let found = problem([
        plain("a").publishes_ping().requires_pong(),
        requires::<dyn Ping>(plain("b").publishes_pong(), Field::new("back").at_line(42)),
        plain("c").requires_ping(),
    ]);
    assert_eq!(found.code, "cycle");
    assert_eq!(found.what, "modules require each other in a circle: a → b → a");
    assert_eq!(places(&found), ["the field `pong` of `a`", "the field `back` of `b`"]);
    assert!(found.places[1].at.ends_with("bad_input.rs:42"), "{found}");
}

#[test]
fn a_module_that_requires_itself_is_a_cycle() {
    let found = problem([plain("a").publishes_ping().requires_ping()]);
    assert_eq!(found.what, "modules require each other in a circle: a → a");
}

#[test]
fn an_optional_reference_closes_a_cycle() {
    let closing = plain("b").publishes_pong().requiring(|to| {
        to.field::<Option<ServiceRef<dyn Ping>>>(Field::new("ping"));
    });
    assert_eq!(problems([plain("a").publishes_ping().requires_pong(), closing]), []);
}

#[test]
fn a_cycle_names_the_field_that_leads_to_the_module_and_not_another_of_the_same_contract() {
    let many = |spec: ModuleSpec| spec.publishing::<Scripted, dyn Many>();
    let found = problem([
        many(requires::<dyn Ping>(plain("a"), Field::new("ping"))),
        many(plain("b")),
        requires::<dyn Many>(
            requires::<dyn Many>(plain("c").publishes_ping(), Field::new("to_b").from_module("b")),
            Field::new("to_a").from_module("a"),
        ),
    ]);
    assert_eq!(found.code, "cycle");
    assert!(places(&found).contains(&"the field `to_a` of `c`"), "{found}");
}

#[test]
fn one_service_of_several() {
    let many = |name: &str| plain(name).publishing::<Scripted, dyn Many>();
    let found = problem([many("a"), many("b"), requires::<dyn Many>(plain("user"), Field::new("one"))]);
    assert_eq!(found.code, "ambiguous-service");
    assert_eq!(places(&found), ["the field `one` of `user`", "the module `a`", "the module `b`"]);
    assert!(found.help.contains("#[from(\"a\")]") && found.help.contains("ServiceRefs<dyn Many>"), "{}", found.help);
    let named = requires::<dyn Many>(plain("user"), Field::new("one").from_module("b"));
    assert_eq!(problems([many("a"), many("b"), named]), []);
    let all = plain("user").requiring(|to| {
        to.field::<ServiceRefs<dyn Many>>(Field::new("all"));
    });
    assert_eq!(problems([many("a"), many("b"), all]), []);
}

#[derive(Clone)]
struct Pool;

impl Handle for Pool {
    type Options = ();
}

#[test]
fn a_handle_that_no_starter_hands_out() {
    let found = problem([plain("user").requiring(|to| {
        to.field::<Pool>(Field::new("pool").at_line(3));
    })]);
    assert_eq!(found.code, "missing-handle");
    assert_eq!(found.what, "`user` requires `Pool`, and no starter of this base hands one out");
    assert_eq!(lines(&found), [("the field `pool` of `user`", 3)]);
    assert!(found.help.contains("the base has: none"), "{}", found.help);
    let optional = plain("user").requiring(|to| {
        to.field::<Option<Pool>>(Field::new("pool"));
    });
    assert_eq!(problems([optional]), []);
}

/// Settings of a shop.
#[derive(Settings)]
#[allow(dead_code, reason = "only whether they can be read is asked")]
struct ShopSettings {
    /// Pages at most.
    #[setting(range = 1..=100)]
    pages: u32,
    /// Its name.
    #[setting(default = "shop")]
    title: String,
}

fn shop() -> ModuleSpec {
    Script::new().named("shop").requiring(|to| {
        to.field::<ShopSettings>(Field::new("settings"));
    })
}

fn settings(text: &str) -> CompositionError {
    checked(TestBase::builder().with(shop()).settings(text)).expect_err("it has a mistake")
}

#[test]
fn settings_that_are_unknown_missing_of_the_wrong_type_and_out_of_range() {
    let error = settings("[modules.shop]\npages = 7\ntitel = 'a'\n\n[lifecycle]\nstop_deadlin = '1s'\n");
    let told: Vec<_> = error.problems.iter().map(|problem| (problem.code, problem.places[0].at.as_str())).collect();
    assert_eq!(
        told,
        [("setting-unknown", "settings 1 of the test:3:1"), ("setting-unknown", "settings 1 of the test:6:1")]
    );
    assert!(error.problems[0].help.contains("`title`"), "{error}");

    let error = settings("[modules.shop]\ntitle = 'a'\n");
    assert_eq!(error.problems[0].code, "setting-missing");
    assert!(error.problems[0].what.contains("modules.shop.pages"), "{error}");
    assert!(error.problems[0].places.iter().any(|place| place.at.contains("bad_input.rs:")), "{error}");

    let error = settings("[modules.shop]\npages = 'many'\ntitle = 3\n");
    assert_eq!(error.problems.len(), 2, "{error}");
    assert!(error.problems.iter().all(|problem| problem.code == "setting-type"), "{error}");

    let error = settings("[modules.shop]\npages = 101\n");
    assert_eq!(error.problems[0].code, "setting-range", "{error}");
    assert_eq!(error.problems[0].places[0].at, "settings 1 of the test:2:9");
}

#[test]
fn what_keeps_a_base_from_starting_is_what_check_says() {
    let builder = || TestBase::builder().with(plain("user").requires_ping()).with(shop());
    let (checked, failed) = (checked(builder()).unwrap_err(), failure(builder()));
    assert_eq!(checked.problems, failed.problems);
    let codes: Vec<_> = checked.problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["setting-missing", "missing-service"], "settings and requirements in one list");
}

#[test]
fn a_crate_that_is_listed_and_not_linked() {
    use bedplate::__private::{Kind, Linked, Listed};
    static INFO: BaseInfo = BaseInfo {
        site: Site { crate_name: "shop-base", version: "1.0.0", file: "src/main.rs", line: 1 },
        listed: &[
            Listed { package: "lost-module", kind: Kind::Module, linked: Linked::Yes },
            Listed { package: "lost-starter", kind: Kind::Starter, linked: Linked::Yes },
            Listed { package: "optional", kind: Kind::Module, linked: Linked::NotEnabled },
        ],
        label: None,
    };
    let assembly = Assembly::linked(&INFO, Sources::new().load().unwrap(), ".").unwrap();
    let Err(error) = assembly.check() else { panic!("two crates are missing") };
    // The starters of these tests are linked, and have problems of their own.
    let lost: Vec<_> = error.problems.iter().filter(|problem| problem.code == "not-linked").collect();
    let places: Vec<_> = lost.iter().map(|problem| problem.places[0].at.as_str()).collect();
    assert_eq!(places, ["shop-base 1.0.0, src/main.rs:1"; 2]);
    assert!(lost[0].what.contains("`lost-module`") && lost[0].help.contains("#[module]"), "{error}");
    assert!(lost[1].what.contains("`lost-starter`") && lost[1].help.contains("#[starter]"), "{error}");
    let skipped: Vec<_> = assembly.report().skipped.iter().map(|skipped| skipped.package).collect();
    assert_eq!(skipped, ["optional"]);
}

#[test]
fn a_name_that_is_no_name() {
    for wrong in ["", "Upper", "9lives", "with space", "-dash", "ümlaut", &"a".repeat(65)] {
        let error = ModuleSpec::plain(wrong, |_| Err::<Scripted, _>(anyhow::anyhow!("never made"))).unwrap_err();
        assert_eq!(error.name, wrong);
    }
}

#[test]
fn all_is_told_at_once() {
    let found = problems([
        plain("twin"),
        plain("twin"),
        plain("user").requires_ping(),
        requires::<dyn Pong>(plain("self").publishes_pong(), Field::new("me")),
    ]);
    let codes: Vec<_> = found.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["duplicate-module", "missing-service", "cycle"]);
}
