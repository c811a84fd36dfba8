//! A change of settings is a deployment: new instances of exactly those that it concerns.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bedplate::settings::{Settings, Sources, Tree};
use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{Base, Change, Composition, Field, Module, ModuleSpec, Result, Starter, StarterContext, starter};

use crate::support::{name, on, plain};

/// Settings of a shop.
#[derive(Settings)]
struct ShopSettings {
    /// Pages at most.
    #[setting(default = 5, range = 1..=100)]
    pages: u32,
}

struct Shop;

impl Module for Shop {}

/// The pages that each instance of each shop was made with.
type Made = Arc<Mutex<Vec<(String, u32)>>>;

fn shop(shop: &'static str, made: &Made) -> ModuleSpec {
    let made = made.clone();
    let make = move |fields: &bedplate::Fields<'_>| {
        let settings: ShopSettings = fields.settings()?;
        made.lock().unwrap().push((fields.context().id().to_string(), settings.pages));
        Ok(Shop)
    };
    ModuleSpec::plain(shop, make).unwrap().requiring(|to| {
        to.field::<ShopSettings>(Field::new("settings"));
    })
}

#[derive(Settings)]
struct GateSettings {
    /// Where it listens.
    #[setting(default = 1)]
    port: u16,
}

#[derive(Settings)]
struct GateModuleSettings {
    /// Below which path.
    #[setting(default = "/")]
    #[allow(dead_code, reason = "only whether it differs is asked")]
    prefix: String,
}

/// Reads settings, of its own and of each module.
#[starter(name = "gate", settings = GateSettings, module_settings = GateModuleSettings)]
struct Gate {
    port: u16,
}

impl Starter for Gate {
    type Prepared = ();

    async fn start(ctx: &StarterContext) -> Result<Self> {
        Ok(Self { port: ctx.settings::<GateSettings>()?.port })
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }
}

fn tree(text: &str) -> Tree {
    Sources::new().text("bedplate.toml", text).load().unwrap()
}

fn two_shops(made: &Made) -> TestBaseBuilder {
    TestBase::builder().starter::<Gate>().with(shop("one", made)).with(shop("two", made)).with(plain("other"))
}

fn generations(running: &Base) -> Vec<String> {
    let modules = running.modules().into_iter().filter(|module| module.instance.module.as_str() != "test");
    modules.map(|module| module.instance.to_string()).collect()
}

#[test]
fn exactly_those_whose_settings_differ_get_a_new_instance() {
    let made = Made::default();
    on(two_shops(&made).settings("[modules.one]\npages = 7"), |_, running| async move {
        made.lock().unwrap().clear();
        let change = |text: &str| running.deploy(Change::new().settings(tree(text)));
        change("[modules.one]\npages = 8").await?;
        assert_eq!(generations(&running), ["one@main#2", "other@main#1", "two@main#1"]);
        // The same values, in other places.
        let same = change("[scenes.main.modules.one]\npages = 8\n[modules.two]\npages = 5").await?;
        assert!(same.came.is_empty(), "{same:?}");
        // A starter's settings for a module, and a default that is written out no more.
        change("[modules.one]\npages = 8\n[modules.other.gate]\nprefix = '/other'").await?;
        assert_eq!(generations(&running), ["one@main#2", "other@main#2", "two@main#1"]);
        change("").await?;
        assert_eq!(generations(&running), ["one@main#3", "other@main#3", "two@main#1"]);
        assert_eq!(*made.lock().unwrap(), [("one@main#2".to_owned(), 8), ("one@main#3".to_owned(), 5)]);
        Ok(())
    });
}

#[test]
fn all_that_is_wrong_is_told_and_nothing_changes() {
    let made = Made::default();
    let before = "[starters.gate]\nport = 7\n[modules.one]\npages = 7";
    on(two_shops(&made).settings(before), |_, running| async move {
        let wrong = "[starters.gate]\nport = 8\n[modules.one]\npages = 'many'\npagse = 1\n[modules.two]\npages = 101\n\
                     [drain]\ndeadline = 3\n[deploy]\nfolder = 'elsewhere'";
        let error = running.deploy(Change::new().settings(tree(wrong)).put(plain("one"))).await.unwrap_err();
        let mut codes: Vec<_> = error.problems.iter().map(|problem| problem.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes, ["setting-type", "setting-unknown", "settings-fixed"], "{error}");
        let fixed = error.problems.iter().find(|problem| problem.code == "settings-fixed").unwrap();
        assert!(fixed.what.ends_with("`deploy.folder`, `starters.gate.port`"), "{fixed}");
        assert!(fixed.help.contains("restart the base"), "{fixed}");
        assert_eq!(generations(&running), ["one@main#1", "other@main#1", "two@main#1"]);

        let wrong = "[starters.gate]\nport = 7\n[modules.one]\npages = 'many'\n[modules.two]\npages = 101";
        let error = running.deploy(Change::new().settings(tree(wrong))).await.unwrap_err();
        let codes: Vec<_> = error.problems.iter().map(|problem| problem.code).collect();
        assert_eq!(codes, ["setting-type", "setting-range"], "{error}");
        assert!(error.problems[0].places[0].at.starts_with("bedplate.toml:4"), "{error}");

        // What is the same is no change, though it stands elsewhere.
        let same = "starters.gate.port = 7\nmodules.one.pages = 7\ndeploy.folder = 'state'";
        assert!(running.deploy(Change::new().settings(tree(same))).await?.came.is_empty());
        assert_eq!(running.starter::<Gate>().unwrap().port, 7);
        Ok(())
    });
}

#[test]
fn the_cores_own_settings_change_while_the_base_serves() {
    on(TestBase::builder().set("drain.deadline=30s"), |_, running| async move {
        assert_eq!(running.drain_deadline(), Duration::from_secs(30));
        let deployed = running.deploy(Change::new().settings(tree("drain.deadline = '7s'"))).await?;
        assert!(deployed.came.is_empty());
        assert_eq!(running.drain_deadline(), Duration::from_secs(7));
        assert_eq!(running.pin().settings().keys_under(&bedplate::settings::KeyPath::root()), ["drain"]);
        Ok(())
    });
}

#[test]
fn settings_bring_modules_and_leave_them_out() {
    let made = Made::default();
    on(two_shops(&made).settings("[modules.one]\nenabled = false"), |_, running| async move {
        assert_eq!(generations(&running), ["other@main#1", "two@main#1"]);
        running.deploy(Change::new().settings(tree("[modules.two]\nenabled = false\npages = 3"))).await?;
        assert_eq!(generations(&running), ["one@main#1", "other@main#1"]);
        running.deploy(Change::new().settings(tree("[modules.two]\npages = 3"))).await?;
        assert_eq!(generations(&running), ["one@main#1", "other@main#1", "two@main#2"]);
        // What somebody has taken out is gone, whatever the settings say.
        running.deploy(Change::new().remove(name("two"))).await?;
        running.deploy(Change::new().settings(tree(""))).await?;
        assert_eq!(generations(&running), ["one@main#1", "other@main#1"]);
        Ok(())
    });
}

#[test]
fn a_rollback_of_settings_compares_with_what_each_instance_runs_with() {
    let made = Made::default();
    on(two_shops(&made).paused_time().settings("[modules.one]\npages = 7"), |base, running| async move {
        let to = |text: &str| Change::new().settings(tree(text)).bake(Duration::from_secs(30));
        running.deploy(to("[modules.one]\npages = 8")).await?;
        running.deploy(to("[modules.one]\npages = 7").revive(name("one"))).await?;
        assert_eq!(generations(&running)[0], "one@main#1", "the warm one has these settings");
        // Its code comes back without its settings: the next change of settings sees that.
        running.deploy(to("[modules.one]\npages = 8")).await?;
        running.deploy(Change::new().revive(name("one"))).await?;
        assert_eq!(generations(&running)[0], "one@main#1");
        running.deploy(to("[modules.one]\npages = 8\n[modules.two]\npages = 1")).await?;
        assert_eq!(generations(&running), ["one@main#4", "other@main#1", "two@main#2"]);
        base.advance(Duration::from_secs(31)).await;
        base.settled().await
    });
}
