//! Tasks hang on their instance: background ones end by themselves, spawned ones are asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bedplate::testing::TestBase;
use bedplate::{Change, EntryKind, ModuleSpec};
use tokio::sync::mpsc;

use crate::support::{Script, deed, enter, failure, name, on, plain, with};

/// Tells when it begins and when it is dropped.
struct Told(mpsc::UnboundedSender<String>, String);

impl Told {
    fn new(to: &mpsc::UnboundedSender<String>, who: String) -> Self {
        to.send(format!("{who} begins")).unwrap();
        Self(to.clone(), who)
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        let _ = self.0.send(format!("{} ends", self.1));
    }
}

fn with_background(tell: &mpsc::UnboundedSender<String>) -> ModuleSpec {
    let tell = tell.clone();
    let script = Script::new().entered().exports(move |module, to| {
        let (tell, id) = (tell.clone(), module.inside().context.id().generation);
        to.task("tick", move || {
            let told = Told::new(&tell, id.to_string());
            async move {
                let _told = told;
                std::future::pending::<()>().await;
            }
        });
    });
    script.named("a")
}

#[test]
fn a_background_task_runs_while_its_composition_serves_and_ends_by_itself() {
    let (tell, mut told) = mpsc::unbounded_channel();
    with([with_background(&tell)], |base, running| async move {
        assert_eq!(told.recv().await.unwrap(), "1 begins");
        let task = running.in_flight().into_iter().find(|entry| entry.label == "tick").unwrap();
        assert!(task.kind == EntryKind::Task && task.place.unwrap().contains("tasks.rs:"));
        base.swap_to(with_background(&tell)).await?;
        let mut next = [told.recv().await.unwrap(), told.recv().await.unwrap()];
        next.sort();
        assert_eq!(next, ["1 ends", "2 begins"], "nobody had to ask it");
        base.settled().await?;
        // A neighbour's deployment is none of its business.
        base.swap_to(plain("b")).await?;
        running.deploy(Change::new().remove(name("a"))).await?;
        assert_eq!(told.recv().await.unwrap(), "2 ends");
        base.settled().await
    });
}

#[test]
fn the_background_task_of_a_deployment_that_fails_never_runs() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let refused = Script::new().start(|_| async { Err(anyhow::anyhow!("no")) }).named("b");
    let error = failure(TestBase::builder().with(with_background(&tell)).with(refused));
    assert!(error.has("start-failed"));
    drop(tell);
    assert!(told.try_recv().is_err());
}

#[test]
fn a_spawned_task_is_tracked_by_name_and_can_be_ended() {
    with([Script::new().entered().named("a")], |_, running| async move {
        let tasks = Arc::new(Mutex::new(Vec::new()));
        let kept = tasks.clone();
        let spawns = deed(move |inside| async move {
            let endless = inside.context.spawn("endless", std::future::pending::<()>());
            let ends = inside.context.spawn(format!("number {}", 7), async { Ok::<_, std::io::Error>(()) });
            kept.lock().unwrap().extend([endless, ends]);
            Ok(0)
        });
        enter(&running, "a", spawns).await?;
        let tasks = tasks.lock().unwrap().clone();
        while !tasks[1].is_finished() {
            tokio::task::yield_now().await;
        }
        assert!(running.in_flight().iter().any(|entry| entry.label == "endless"));
        assert!(!tasks[0].is_finished());
        tasks[0].abort();
        while !tasks[0].is_finished() {
            tokio::task::yield_now().await;
        }
        assert!(running.in_flight().is_empty());
        let stats = running.modules()[0].stats;
        assert_eq!((stats.tasks, stats.abandoned), (0, 1));
        assert!(running.restarts().is_empty(), "who is ended has not failed");
        Ok(())
    });
}

#[test]
fn a_task_belongs_to_its_module_and_outlives_its_entry() {
    with([Script::new().entered().named("a")], |base, running| async move {
        let (tell, mut told) = mpsc::unbounded_channel();
        let spawns = deed(move |inside| async move {
            let context = inside.context.clone();
            inside.context.spawn("after", async move {
                assert!(!context.is_draining());
                tell.send(bedplate::isolation::current().unwrap().instance.to_string()).unwrap();
                context.draining().await;
                tell.send("draining".to_owned()).unwrap();
            });
            Ok(0)
        });
        enter(&running, "a", spawns).await?;
        assert_eq!(told.recv().await.unwrap(), "a@main#1");
        base.swap_to(Script::new().entered().named("a")).await?;
        assert_eq!(told.recv().await.unwrap(), "draining");
        base.settled().await
    });
}

#[test]
fn a_task_that_ends_while_its_module_drains_is_no_failure() {
    let script = Script::new().start(|inside| {
        let context = inside.context.clone();
        inside.context.spawn("ends badly", async move {
            context.draining().await;
            Err::<(), _>(anyhow::anyhow!("the connection was closed"))
        });
        async { Ok(()) }
    });
    on(TestBase::builder().with(script.named("a")).paused_time(), |base, running| async move {
        base.swap_to(plain("a")).await?;
        base.settled().await?;
        base.advance(Duration::from_secs(120)).await;
        assert!(running.restarts().is_empty());
        assert_eq!(running.modules()[0].instance.generation, 2);
        Ok(())
    });
}
