//! What goes through the starter while it serves: entries, and questions of people and tools.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{bail, ensure};
use futures_util::FutureExt;
use serde_json::Value;
use tokio::sync::oneshot;

use crate::Result;
use crate::deploy::Change;
use crate::isolation::EntryInfo;
use crate::scene::SceneName;
use crate::service::CallError;
use crate::starter::{Content, Question};
use crate::testing::conformance::Subject;
use crate::testing::conformance::checkpoint::{Door, Order, REASON};
use crate::testing::conformance::ground::{A, B, Folder, Ground, name, within};

/// What wraps entries lets them through, and out again, however they end.
pub(in super::super) async fn wrapped<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A]).await?;
    goes_through(&ground, "an entry").await?;

    let panicked = enter(&ground, async { panic!("the conformance suite panics inside a module") }).await?;
    ensure!(
        matches!(panicked, Err(CallError::Panicked { .. })),
        "an entry whose work panics is answered with {panicked:?}, and not with `CallError::Panicked`"
    );
    goes_through(&ground, "an entry after one that panicked").await?;

    for (checkpoint, place) in [(ground.after(), "inside"), (ground.before(), "outside")] {
        checkpoint.door(Door::Refuses);
        let refused = enter(&ground, async { 0 }).await?;
        checkpoint.door(Door::Open);
        ensure!(
            matches!(&refused, Err(CallError::Refused { reason }) if reason == REASON),
            "an entry that a wrapper {place} refuses with \"{REASON}\" is answered with {refused:?}"
        );
        checkpoint.door(Door::Panics);
        let panicked = enter(&ground, async { 0 }).await?;
        checkpoint.door(Door::Open);
        ensure!(
            matches!(panicked, Err(CallError::Panicked { .. })),
            "an entry around which a wrapper {place} panics is answered with {panicked:?}"
        );
        goes_through(&ground, &format!("an entry after one that a wrapper {place} refused")).await?;
    }

    // One stays inside while another one comes and goes, and is then dropped half way.
    let (entered, inside) = oneshot::channel();
    let staying = enter(&ground, async {
        let _ = entered.send(());
        std::future::pending().await
    });
    tokio::select! {
        ended = staying => bail!("an entry that waits has ended: {:?}", ended?),
        beside = async {
            within::<S, _>(inside, "an entry did not come in").await??;
            goes_through(&ground, "an entry beside one that stays inside").await
        } => beside?,
    }
    goes_through(&ground, "an entry after one that was dropped half way").await?;
    // The starter itself may bring entries at any time.
    let entry = S::entry();
    let is_ours = |inside: &EntryInfo| inside.kind == entry.kind() && inside.label == entry.label();
    ensure!(!ground.running.in_flight().iter().any(is_ours), "an entry that has ended is still in flight");
    ground.put(&[A]).await?;
    ground.settled().await?;
    ground.end().await;
    Ok(())
}

/// An entry runs once, and its caller gets what it returns.
async fn goes_through<S: Subject>(ground: &Ground<S>, what: &str) -> Result<()> {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let entering = enter(ground, async move { counted.fetch_add(1, Ordering::SeqCst) + 7 });
    let answer = within::<S, _>(entering, &format!("{what} got no answer")).await??;
    let runs = runs.load(Ordering::SeqCst);
    ensure!(answer == Ok(7) && runs == 1, "{what} ran {runs} times, and was answered with {answer:?}, not with Ok(7)");
    Ok(())
}

async fn enter<S: Subject>(
    ground: &Ground<S>,
    work: impl Future<Output = usize> + Send,
) -> Result<Result<usize, CallError>> {
    let now = ground.running.pin();
    let Some(instance) = now.instance(&name(A)?, &SceneName::main()) else { bail!("`{A}` does not serve") };
    let entering = AssertUnwindSafe(instance.enter(&now, S::entry(), work)).catch_unwind();
    Ok(entering.await.unwrap_or_else(|_| Err(CallError::Refused { reason: "a panic came out of the gate".to_owned() })))
}

/// What the starters show is there at any time, and of modules that serve.
pub(in super::super) async fn inspected<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[]).await?;
    shows_what_serves(&ground, "in a base without modules")?;
    ground.put(&[A]).await?;
    shows_what_serves(&ground, "after a module came")?;
    ground.after().next(Order::Hold);
    let (deployed, shown) = tokio::join!(ground.put(&[A, B]), async {
        within::<S, _>(ground.after().reached(), "the deployment did not come to the end of `prepare`").await?;
        let shown = shows_what_serves(&ground, "while a deployment is prepared");
        ground.after().go_on();
        shown
    });
    shown?;
    deployed?;
    shows_what_serves(&ground, "after a deployment")?;
    ground.deploy(Change::new().remove(name(A)?), "a deployment that takes a module out").await?;
    ground.settled().await?;
    shows_what_serves(&ground, "after a module was taken out")?;
    let running = ground.running.clone();
    ground.end().await;
    let after = std::panic::catch_unwind(AssertUnwindSafe(|| running.inspect().len()));
    ensure!(after.is_ok(), "`inspect` panicked after the base had ended");
    Ok(())
}

fn shows_what_serves<S: Subject>(ground: &Ground<S>, when: &str) -> Result<()> {
    let shown = ground.inspected().map_err(|error| error.context(when.to_owned()))?;
    let now: BTreeSet<_> = ground.running.pin().instances().map(|instance| instance.module().to_string()).collect();
    let mut names = BTreeSet::new();
    for inspection in &shown {
        ensure!(!inspection.name.is_empty(), "{when}, an inspection has no name");
        ensure!(names.insert(inspection.name), "{when}, the name `{}` is shown twice", inspection.name);
        let Content::Json(value) = &inspection.content else { continue };
        let mut modules = BTreeSet::new();
        modules_in(value, &mut modules);
        if let Some(stranger) = modules.difference(&now).next() {
            bail!("{when}, `{}` shows the module `{stranger}`, which does not serve: {value}", inspection.name);
        }
    }
    Ok(())
}

fn modules_in(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| modules_in(value, found)),
        Value::Object(object) => {
            found.extend(object.get("module").and_then(Value::as_str).map(str::to_owned));
            object.values().for_each(|value| modules_in(value, found));
        }
        _ => {}
    }
}

/// A question that nobody knows is for nobody.
pub(in super::super) async fn questions<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A]).await?;
    let parameters = BTreeMap::from([("module".to_owned(), A.to_owned())]);
    let question = Question { name: "conformance-nobody-knows", parameters: &parameters };
    let answering = AssertUnwindSafe(ground.running.answer(&question)).catch_unwind();
    let answered = within::<S, _>(answering, "a question of a name that nobody knows got no answer").await?;
    match answered {
        Err(_) => bail!("`answer` panicked at a question of a name that nobody knows"),
        Ok(Some(answer)) => bail!("a question of a name that nobody knows was answered with {answer:?}"),
        Ok(None) => {}
    }
    ground.end().await;
    Ok(())
}
