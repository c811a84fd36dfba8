//! A plan says what a deployment would change, and changes nothing.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bedplate::settings::{Settings, Sources};
use bedplate::testing::{TestBase, TestBaseBuilder};
use bedplate::{
    Base, Change, Composition, Content, Export, Field, Inspection, InstanceId, ModuleSpec, Plan, Planned, Result,
    Staged, Starter, StarterContext, starter,
};
use serde_json::{Value, json};

use crate::support::{Requires, Script, name, on, plain};

/// A path that a module serves.
struct Path(&'static str);

impl Export for Path {}

/// Serves paths, and migrates modules that are called `store`.
#[starter(name = "paths")]
struct Paths(Mutex<Vec<String>>);

impl Paths {
    fn tell(&self, what: String) {
        self.0.lock().unwrap().push(what);
    }
}

impl Starter for Paths {
    type Prepared = Vec<Value>;

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self(Mutex::default()))
    }

    async fn plan(&self, staged: &Staged<'_>) -> Result<Vec<Planned>> {
        Ok(match staged.module().as_str() {
            "store" => vec![
                Planned::new("migration", "migration 2 `more`"),
                Planned::new("migration", "migration 3 `less`").breaking("drops a column"),
            ],
            "unplannable" => anyhow::bail!("its folder is gone"),
            _ => Vec::new(),
        })
    }

    async fn migrate(&self, staged: &Staged<'_>) -> Result<()> {
        self.tell(format!("migrate {}", staged.id()));
        Ok(())
    }

    async fn prepare(&self, next: &Composition) -> Result<Vec<Value>> {
        let paths: Vec<_> = next.exports::<Path>().collect();
        anyhow::ensure!(paths.iter().all(|(_, path)| path.0 != "/refused"), "nobody may have /refused");
        let shown = paths.into_iter().map(|(instance, path)| {
            json!({ "module": instance.module(), "path": path.0, "generation": instance.id().generation })
        });
        Ok(shown.collect())
    }

    async fn abort(&self, prepared: Vec<Value>) {
        self.tell(format!("abort {}", prepared.len()));
    }

    async fn release(&self, instance: &InstanceId) {
        self.tell(format!("release {instance}"));
    }

    fn inspect(&self, now: &Composition) -> Vec<Inspection> {
        let paths = now.prepared::<Self>().cloned().unwrap_or_default();
        vec![
            Inspection { name: "paths", content: Content::Json(json!({ "version": 1, "paths": paths })) },
            Inspection { name: "load", content: Content::Json(json!({ "requests": now.number() })) },
        ]
    }
}

/// Settings of the first version.
#[derive(Settings)]
struct Old {
    /// Pages at most.
    #[setting(default = 5)]
    #[allow(dead_code, reason = "only the key is asked")]
    pages: u32,
}

/// Settings of the second version.
#[derive(Settings)]
struct New {
    /// Lines at most.
    #[setting(default = 5)]
    #[allow(dead_code, reason = "only the key is asked")]
    lines: u32,
}

/// Settings of a third version: other defaults.
#[derive(Settings)]
#[allow(dead_code, reason = "only their values are asked")]
struct Newer {
    /// Lines at most.
    #[setting(default = 7)]
    lines: u32,
    /// Words at most.
    #[setting(default = 100)]
    words: u32,
    /// What nobody sees.
    #[setting(secret, default = "x")]
    word: String,
}

fn serving(module: &str, paths: &'static [&'static str], starts: &Arc<AtomicUsize>) -> ModuleSpec {
    let starts = starts.clone();
    let script = Script::new()
        .start(move |_| {
            starts.fetch_add(1, Ordering::SeqCst);
            async { Ok(()) }
        })
        .exports(|_, to| {
            paths.iter().for_each(|path| {
                to.add(Path(path));
            });
            to.task("work", std::future::pending::<()>);
        });
    script.named(module)
}

fn old(starts: &Arc<AtomicUsize>) -> ModuleSpec {
    serving("a", &["/a", "/b"], starts).publishes_ping().requiring(|to| {
        to.field::<Old>(Field::new("settings"));
    })
}

fn base(starts: &Arc<AtomicUsize>) -> TestBaseBuilder {
    TestBase::builder().starter::<Paths>().with(old(starts)).with(serving("store", &["/store"], starts))
}

/// All that a plan must leave as it is.
fn picture(running: &Base) -> Value {
    json!([
        running.pin().number(),
        running.modules().iter().map(|module| module.instance.to_string()).collect::<Vec<_>>(),
        running.warm(),
        running.restarts(),
        running.in_flight().iter().map(|entry| &entry.label).collect::<Vec<_>>(),
    ])
}

#[test]
fn a_plan_says_what_would_change_and_changes_nothing() {
    let starts = Arc::new(AtomicUsize::new(0));
    on(base(&starts), |base, running| async move {
        let told = running.starter::<Paths>().unwrap();
        told.0.lock().unwrap().clear();
        let (before, started) = (picture(&running), starts.load(Ordering::SeqCst));
        let next = serving("a", &["/b", "/c"], &starts).publishes_pong().requires_ping().requiring(|to| {
            to.field::<New>(Field::new("settings"));
        });
        let change = Change::new()
            .put(next.clone())
            .put(serving("new", &["/new"], &starts).publishes_ping())
            .remove(name("store"));
        let plan = running.plan(change).await?;

        assert!(plan.refused.is_empty(), "{:?}", plan.refused);
        let a = &plan.comes[0];
        assert_eq!((a.module.as_str(), a.replaces.as_ref().unwrap().generation), ("a", 1));
        let names = |list: &[bedplate::ContractName]| list.iter().map(|contract| contract.name).collect::<Vec<_>>();
        assert_eq!((names(&a.publishes.added), names(&a.publishes.removed)), (vec!["Pong"], vec!["Ping"]));
        assert_eq!(names(&a.requires.added), ["Ping"]);
        assert_eq!(
            (&a.settings.added[..], &a.settings.removed[..]),
            (&["modules.a.lines".to_owned()][..], &["modules.a.pages".to_owned()][..],)
        );
        assert!(plan.comes[1].replaces.is_none());
        assert_eq!(plan.goes[0].to_string(), "store@main#1");
        let paths = &plan.shows["paths"];
        let list = |of: &[Value]| of.iter().map(|path| path["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        assert_eq!(
            (list(&paths.added), list(&paths.removed)),
            (vec!["/c".to_owned(), "/new".to_owned()], vec!["/a".to_owned(), "/store".to_owned()],)
        );
        assert_eq!(plan.shows.len(), 1, "what names no module is not compared");
        assert!(serde_json::to_value(&plan)?["comes"].is_array());

        assert_eq!((picture(&running), starts.load(Ordering::SeqCst)), (before, started));
        let mut told = told.0.lock().unwrap().clone();
        told.sort();
        assert_eq!(told, ["abort 3", "release a@main#2", "release new@main#1"], "nothing was migrated");
        base.settled().await
    });
}

#[test]
fn settings_with_other_values_are_shown_and_secrets_are_not() {
    let starts = Arc::new(AtomicUsize::new(0));
    let code = |newer: bool| {
        serving("a", &[], &starts).requiring(|to| match newer {
            true => drop(to.field::<Newer>(Field::new("settings"))),
            false => drop(to.field::<New>(Field::new("settings"))),
        })
    };
    let shown = |plan: &Plan| -> Vec<(String, Option<String>, Option<String>)> {
        let settings = plan.comes[0].changed_settings.iter();
        settings.map(|one| (one.key.clone(), one.before.clone(), one.after.clone())).collect()
    };
    let text = |text: &str| Some(text.to_owned());
    on(TestBase::builder().with(code(false)), |_, running| async move {
        // Another default; a key that is new has no value now.
        let plan = running.plan(Change::new().put(code(true))).await?;
        assert_eq!(shown(&plan), [("modules.a.lines".to_owned(), text("5"), text("7"))]);
        assert_eq!(plan.comes[0].settings.added, ["modules.a.word", "modules.a.words"]);
        running.deploy(Change::new().put(code(true))).await?;
        // Another value, also where the scene's goes over that of all.
        let tree = Sources::new().text("settings", "[modules.a]\nlines = 9\nwords = 5\nword = \"y\"\nstart_deadline = \"7s\"\n[scenes.main.modules.a]\nwords = 6\n");
        let plan = running.plan(Change::new().settings(tree.load().unwrap())).await?;
        assert_eq!(
            shown(&plan),
            [
                ("modules.a.lines".to_owned(), text("7"), text("9")),
                ("modules.a.start_deadline".to_owned(), None, text("\"7s\"")),
                ("modules.a.word".to_owned(), text("******"), text("******")),
                ("scenes.main.modules.a.words".to_owned(), text("100"), text("6")),
            ]
        );
        let plan = running.plan(Change::new().again(name("a"))).await?;
        assert_eq!(shown(&plan), []);
        Ok(())
    });
}

#[test]
fn migrations_are_shown_and_breaking_ones_want_to_be_allowed() {
    let starts = Arc::new(AtomicUsize::new(0));
    on(base(&starts), |_, running| async move {
        let change = || Change::new().put(serving("store", &["/store"], &starts));
        let plan = running.plan(change()).await?;
        let work: Vec<_> = plan.work.iter().map(|work| (work.starter, work.planned.what.as_str())).collect();
        assert_eq!(work, [("paths", "migration 2 `more`"), ("paths", "migration 3 `less`")]);
        assert_eq!(plan.refused.len(), 1);
        assert!(plan.refused[0].code == "breaking-change" && plan.refused[0].what.contains("drops a column"));
        assert!(plan.shows.is_empty(), "the paths stay");
        assert!(running.plan(change().breaking()).await?.refused.is_empty());
        let plan = running.plan(Change::new().put(plain("unplannable"))).await?;
        assert_eq!(plan.refused[0].code, "not-planned");
        Ok(())
    });
}

#[test]
fn what_would_keep_it_from_going_live_is_part_of_the_plan() {
    let starts = Arc::new(AtomicUsize::new(0));
    let user = plain("user").requires_ping();
    on(base(&starts).with(user).paused_time(), |_, running| async move {
        let before = picture(&running);
        // Somebody else uses what it publishes no longer.
        let plan = running.plan(Change::new().put(serving("a", &[], &starts))).await?;
        assert_eq!(plan.refused[0].code, "missing-service");
        assert_eq!(plan.come_along[0].module.as_str(), "user");
        assert!(plan.come_along[0].why.contains("`Ping`"), "{:?}", plan.come_along);
        // A starter refuses it.
        let plan = running.plan(Change::new().put(serving("b", &["/refused"], &starts))).await?;
        assert!(plan.refused[0].code == "refused" && plan.refused[0].what.contains("/refused"));
        // Its constructor fails.
        let unmade = ModuleSpec::plain("unmade", |_| -> Result<Unmade> { anyhow::bail!("no licence") })?;
        let plan = running.plan(Change::new().put(unmade)).await?;
        assert_eq!(plan.refused[0].code, "construct-failed");
        // It exports what only its start makes.
        let panics = Script::new().exports(|_, _| panic!("not started")).named("late");
        let plan = running.plan(Change::new().put(panics)).await?;
        assert!(plan.refused.is_empty() && plan.unknown[0].contains("`late` exports"), "{plan:?}");
        assert_eq!(picture(&running), before);
        // A plan for a rollback leaves what is warm as it is.
        running.deploy(Change::new().put(old(&starts)).bake(Duration::from_secs(30))).await?;
        let plan = running.plan(Change::new().revive(name("a"))).await?;
        assert_eq!(plan.comes[0].revives.as_ref().unwrap().generation, 1);
        running.deploy(Change::new().revive(name("a"))).await?;
        running.shutdown().await?;
        assert!(running.plan(Change::new()).await.unwrap_err().has("base-ending"));
        Ok(())
    });
}

struct Unmade;

impl bedplate::Module for Unmade {}
