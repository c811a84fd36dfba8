//! Deployments take turns in the order they came, each told where it stands, and none needs its client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bedplate::testing::TestBase;
use bedplate::{
    Base, Change, Composition, Deployed, ModuleSpec, Progress, Result, Staged, Starter, StarterContext, starter,
};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::support::{Script, name, on, plain};

/// What a deployment told its watcher, in words.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn watcher(&self) -> impl Fn(Progress) + Send + Sync + 'static {
        let heard = self.clone();
        move |progress| {
            let word = match progress {
                Progress::Queued { position } => format!("queued {position}"),
                Progress::Begun { .. } => "begun".to_owned(),
                Progress::Step(step) => step.name.to_owned(),
                Progress::Later(step) => format!("{} {}", step.instance, step.name),
                _ => "?".to_owned(),
            };
            heard.0.lock().unwrap().push(word);
        }
    }

    fn list(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    async fn until(&self, word: &str) {
        while !self.list().iter().any(|heard| heard == word) {
            tokio::task::yield_now().await;
        }
    }
}

type Deployment = JoinHandle<Result<Deployed, bedplate::compose::CompositionError>>;

/// Asks for a deployment, and returns when it is in the line or has begun.
async fn ask(running: &Base, change: Change) -> (Heard, Deployment) {
    let (heard, base) = (Heard::default(), running.clone());
    let watcher = heard.watcher();
    let task = tokio::spawn(async move { base.deploy_watched(change, watcher).await });
    while heard.list().is_empty() {
        tokio::task::yield_now().await;
    }
    (heard, task)
}

/// A module whose start waits.
fn slow(go: &Arc<Notify>) -> ModuleSpec {
    let go = go.clone();
    let script = Script::new().start(move |_| {
        let go = go.clone();
        async move {
            go.notified().await;
            Ok(())
        }
    });
    script.named("slow")
}

const STEPS: [&str; 7] = ["check", "construct", "migrate", "start", "prepare", "record", "swap"];

#[test]
fn each_is_told_where_it_stands_and_the_order_is_kept() {
    on(TestBase::builder().paused_time(), |_, running| async move {
        let go = Arc::new(Notify::new());
        let first = ask(&running, Change::new().put(slow(&go))).await;
        let second = ask(&running, Change::new().put(plain("b"))).await;
        let gone = ask(&running, Change::new().remove(name("nobody"))).await;
        let last = ask(&running, Change::new().put(plain("b"))).await;
        assert_eq!(second.0.list(), ["queued 1"]);
        assert_eq!(gone.0.list(), ["queued 2"]);
        assert_eq!(last.0.list(), ["queued 3"]);
        // Its client goes away. It keeps its place, and comes to its end.
        second.1.abort();
        go.notify_one();
        let numbers = [first.1.await??, last.1.await??].map(|deployed| deployed.deployment);
        assert!(gone.1.await?.unwrap_err().has("not-installed"));
        assert_eq!(numbers[1], numbers[0] + 3);
        assert_eq!(first.0.list()[..8], [&["begun"], &STEPS[..]].concat());
        let heard = last.0.list();
        assert_eq!(heard[..2], ["queued 3", "queued 2"]);
        assert_eq!(second.0.list()[..9], [&["queued 1", "begun"], &STEPS[..]].concat());
        let b = running.modules().into_iter().find(|module| module.instance.module.as_str() == "b").unwrap();
        assert_eq!(b.instance.generation, 2, "both of them went live, in order");
        second.0.until("swap").await;
        Ok(())
    });
}

#[test]
fn a_watcher_hears_of_the_end_of_what_left() {
    on(TestBase::builder().paused_time().with(plain("a")), |base, running| async move {
        let heard = Heard::default();
        let change = Change::new().put(plain("a")).bake(Duration::from_secs(30));
        running.deploy_watched(change, heard.watcher()).await?;
        assert_eq!(heard.list(), [&["begun"], &STEPS[..]].concat());
        base.advance(Duration::from_secs(31)).await;
        base.settled().await?;
        assert_eq!(heard.list()[8..], ["a@main#1 bake", "a@main#1 drain", "a@main#1 stop"]);
        Ok(())
    });
}

#[test]
fn a_deployment_every_moment_changes_nothing_for_who_serves() {
    on(TestBase::builder().with(plain("a")), |base, running| async move {
        let deployments = (0..50).map(|_| {
            let running = running.clone();
            tokio::spawn(
                async move { running.deploy(Change::new().put(plain("a")).bake(Duration::from_millis(1))).await },
            )
        });
        for deployment in deployments.collect::<Vec<_>>() {
            deployment.await??;
        }
        base.settled().await?;
        assert!(running.warm().is_empty());
        assert_eq!(running.modules()[0].instance.generation, 51);
        Ok(())
    });
}

/// A starter whose migrations hang where a module is called `stuck`.
#[starter(name = "migrating")]
struct Migrating;

impl Starter for Migrating {
    type Prepared = ();

    async fn start(_: &StarterContext) -> Result<Self> {
        Ok(Self)
    }

    async fn migrate(&self, staged: &Staged<'_>) -> Result<()> {
        if staged.module().as_str() == "stuck" {
            std::future::pending::<()>().await;
        }
        anyhow::ensure!(staged.module().as_str() != "breaking" || staged.allows_breaking(), "it drops a table");
        Ok(())
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_migration_has_its_deadline_and_does_not_hold_the_end_up() {
    let builder = TestBase::builder().paused_time().starter::<Migrating>();
    on(builder, |base, running| async move {
        let (_, stuck) = ask(&running, Change::new().put(plain("stuck"))).await;
        base.advance(Duration::from_secs(601)).await;
        let error = stuck.await?.unwrap_err();
        assert!(error.has("migration-failed") && error.to_string().contains("10m"), "{error}");
        let (heard, stuck) = ask(&running, Change::new().put(plain("stuck"))).await;
        heard.until("construct").await;
        let (_, behind) = ask(&running, Change::new().put(plain("b"))).await;
        running.shutdown().await?;
        let error = stuck.await?.unwrap_err();
        assert!(error.has("base-ending") && error.step == "migrate", "{error}");
        assert!(behind.await?.unwrap_err().has("base-ending"));
        Ok(())
    });
}

#[test]
fn a_breaking_migration_wants_to_be_allowed() {
    on(TestBase::builder().starter::<Migrating>(), |_, running| async move {
        let error = running.deploy(Change::new().put(plain("breaking"))).await.unwrap_err();
        assert!(error.has("migration-failed"), "{error}");
        running.deploy(Change::new().put(plain("breaking")).breaking()).await?;
        Ok(())
    });
}
