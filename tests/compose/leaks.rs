//! Nothing of a module outlives its generation, and nothing of a base its end.

use std::sync::{Arc, Mutex, Weak};

use bedplate::testing::TestBase;
use bedplate::{Base, Change, Composition, Export, Module, ModuleSpec, Result, Starter, StarterContext, starter};

use crate::support::{Objects, Ping, Requires, Script, deed, enter, failure, on, plain, with};

/// A closure that a module exports, as a router does: it holds the module.
struct Holds<T>(#[allow(dead_code, reason = "only its drop matters")] T);

impl<T: Send + Sync + 'static> Export for Holds<T> {}

/// A module that hangs on itself in every way that a base offers.
fn entangled() -> Script {
    Script::new()
        .start(|inside| {
            let held = inside.clone();
            inside.context.spawn("holds", async move {
                held.context.draining().await;
            });
            async { Ok(()) }
        })
        .exports(|module, to| {
            to.add(Holds(module.clone()));
            let held = module.clone();
            to.task("background", move || {
                let held = held.clone();
                async move {
                    std::future::pending::<()>().await;
                    drop(held);
                }
            });
        })
        .entered()
}

#[test]
fn a_retired_generation_is_gone() {
    let script = entangled();
    let objects = script.objects();
    let spec = move || script.named("a").publishes_ping().requires_pong();
    let kept = objects.clone();
    with([spec(), plain("b").publishes_pong()], |base, running| async move {
        for generation in 1..20 {
            enter(&running, "a", deed(|inside| async move { inside.ping.run(deed(|_| async { Ok(0) })).await }))
                .await?;
            base.swap_to(spec()).await?;
            base.settled().await?;
            assert!(!objects.lives(generation), "generation {generation}");
            assert!(objects.lives(generation + 1));
        }
        running.deploy(Change::new().remove(crate::support::name("a"))).await?;
        base.settled().await?;
        assert_eq!(objects.alive(), 0);
        base.swap_to(spec()).await?;
        Ok(())
    });
    assert_eq!((kept.made(), kept.alive()), (21, 0), "the last one goes with the base");
}

#[test]
fn neighbours_that_come_and_go_one_by_one_leave_nothing() {
    let scripts = [entangled(), entangled(), entangled()];
    let objects: Vec<Objects> = scripts.iter().map(Script::objects).collect();
    let specs = move |index: usize| match index % 3 {
        0 => scripts[0].named("a").publishes_ping(),
        1 => scripts[1].named("b").publishes_pong().requires_ping(),
        _ => scripts[2].named("c").requires_ping().requires_pong(),
    };
    let seen = objects.clone();
    with([specs(0), specs(1), specs(2)], |base, _| async move {
        for index in 0..60 {
            base.swap_to(specs(index)).await?;
        }
        base.settled().await?;
        assert!(seen.iter().all(|objects| (objects.made(), objects.alive()) == (21, 1)));
        Ok(())
    });
    assert!(objects.iter().all(|objects| objects.alive() == 0));
}

#[test]
fn a_failed_deployment_leaves_nothing() {
    let good = entangled();
    let objects = good.objects();
    let bad = entangled().start(|inside| {
        let held = inside.clone();
        inside.context.spawn("holds", async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        async { Err(anyhow::anyhow!("no")) }
    });
    let lost = bad.objects();
    with([plain("b").publishes_pong()], |base, running| async move {
        let change = Change::new().put(good.named("a").publishes_ping()).put(bad.named("c").requires_ping());
        running.deploy(change).await.unwrap_err();
        assert_eq!((objects.made(), objects.alive(), lost.made(), lost.alive()), (1, 0, 1, 0));
        assert!(running.in_flight().is_empty());
        base.settled().await
    });
}

#[test]
fn a_base_that_does_not_start_leaves_nothing() {
    let (good, bad) = (entangled(), entangled().start(|_| async { panic!("no") }));
    let (objects, lost) = (good.objects(), bad.objects());
    let builder = TestBase::builder().starter::<Keeper>().with(good.named("a")).with(bad.named("b"));
    assert!(failure(builder).has("start-panicked"));
    assert_eq!((objects.made(), objects.alive(), lost.made(), lost.alive()), (1, 0, 1, 0));
}

/// Starters keep what they were made for: the base, their own parts of each composition.
#[starter(name = "keeper")]
struct Keeper {
    base: Base,
}

impl Starter for Keeper {
    type Prepared = Base;

    async fn start(ctx: &StarterContext) -> Result<Self> {
        Ok(Self { base: ctx.base().clone() })
    }

    async fn prepare(&self, _: &Composition) -> Result<Base> {
        Ok(self.base.clone())
    }
}

#[test]
fn a_base_whose_starters_hold_it_is_gone_when_it_has_ended() {
    let script = entangled();
    let objects = script.objects();
    let keeper = Arc::new(Mutex::new(Weak::<Keeper>::new()));
    let kept = keeper.clone();
    on(TestBase::builder().starter::<Keeper>().with(script.named("a")), |base, _| async move {
        *kept.lock().unwrap() = Arc::downgrade(&base.starter::<Keeper>().await?);
        base.swap_to(script.named("a")).await?;
        Ok(())
    });
    assert_eq!(objects.alive(), 0);
    assert!(keeper.lock().unwrap().upgrade().is_none(), "the base and its starter hold each other no longer");
}

struct Loud(Arc<Mutex<Vec<String>>>);

impl Module for Loud {}

impl Drop for Loud {
    fn drop(&mut self) {
        let current = bedplate::isolation::current().map(|current| current.instance.to_string());
        self.0.lock().unwrap().push(current.unwrap_or_default());
        panic!("dropped in anger");
    }
}

#[test]
fn a_module_whose_drop_panics_is_dropped_as_itself_and_harms_nobody() {
    let dropped = Arc::new(Mutex::new(Vec::new()));
    let told = dropped.clone();
    let loud = move || {
        let told = told.clone();
        ModuleSpec::plain("loud", move |_| Ok(Loud(told.clone()))).unwrap()
    };
    with([loud(), plain("a").publishes_ping()], |base, running| async move {
        base.swap_to(loud()).await?;
        base.settled().await?;
        let panics = running.modules().into_iter().map(|module| module.stats.panics).sum::<u64>();
        assert_eq!(panics, 1, "caught, counted");
        base.swap_to(plain("a").publishes_ping()).await?;
        Ok(())
    });
    assert_eq!(*dropped.lock().unwrap(), ["loud@main#1", "loud@main#2"]);
}

#[test]
fn an_optional_module_that_is_left_out_leaves_nothing() {
    let bad = entangled().start(|_| async { Err(anyhow::anyhow!("no")) });
    let good = entangled();
    let (lost, objects) = (bad.objects(), good.objects());
    let builder = TestBase::builder().with(bad.named("a").optional()).with(good.named("b")).paused_time();
    let seen = lost.clone();
    on(builder, |_, _| async move {
        assert_eq!((seen.made(), seen.alive()), (1, 0));
        Ok(())
    });
    assert_eq!((lost.alive(), objects.alive()), (0, 0));
}
