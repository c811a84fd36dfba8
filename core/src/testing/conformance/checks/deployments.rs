//! What can be seen of a deployment: nothing before its swap, nothing where it fails, all of it afterwards.

use anyhow::ensure;

use crate::Result;
use crate::deploy::Change;
use crate::module::InstanceId;
use crate::testing::conformance::checkpoint::{Order, REFUSAL};
use crate::testing::conformance::ground::{A, B, Folder, Ground, name, within};
use crate::testing::conformance::{Given, Subject};

/// Modules of the first composition, new ones and new generations are served.
pub(in super::super) async fn deployed<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A]).await?;
    ground.shows(&ground.serving(A)?, "in the first composition").await?;
    ground.put(&[B]).await?;
    ground.shows(&ground.serving(B)?, "after a deployment that added it").await?;
    ground.put(&[A]).await?;
    ground.shows(&ground.serving(A)?, "after a deployment of a new generation").await?;
    ground.end().await;
    Ok(())
}

/// Nothing is seen while the deployment stands just before the swap.
pub(in super::super) async fn before_the_swap<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A]).await?;
    let before = ground.serving(A)?;
    ground.after().next(Order::Hold);
    let deploying = ground.put(&[A, B]);
    let watching = async {
        within::<S, _>(ground.after().reached(), "the deployment did not come to the end of `prepare`").await?;
        let when = "while a deployment that was prepared does not serve yet";
        let seen = async {
            ground.shows_nothing_of(B, when).await?;
            ground.shows(&before, when).await?;
            ground.given(&before, Given::Works, when).await
        };
        let seen = seen.await;
        ground.after().go_on();
        seen
    };
    let (deployed, watched) = tokio::join!(deploying, watching);
    watched?;
    deployed?;
    ground.shows(&ground.serving(B)?, "after the swap").await?;
    ground.shows(&ground.serving(A)?, "after the swap").await?;
    ground.end().await;
    Ok(())
}

/// A module that a deployment does not concern is served on, through others that come, change and go.
pub(in super::super) async fn unchanged<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A]).await?;
    let (a, b) = (ground.serving(A)?, name(B)?);
    for (change, when) in [
        (Change::new().put(ground.module(B)?), "after another module came"),
        (Change::new().put(ground.module(B)?), "after another module was replaced"),
        (Change::new().remove(b), "after another module was taken out"),
        (Change::new(), "after a deployment that changed nothing"),
    ] {
        ground.deploy(change, "a deployment of another module").await?;
        ground.settled().await?;
        ground.shows(&a, when).await?;
        ground.given(&a, Given::Works, when).await?;
    }
    ground.end().await;
    Ok(())
}

/// What is taken out is found no longer.
pub(in super::super) async fn removed<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A, B]).await?;
    let a = ground.serving(A)?;
    ground.deploy(Change::new().remove(name(B)?), "a deployment that takes a module out").await?;
    ground.settled().await?;
    ground.shows_nothing_of(B, "after it was taken out").await?;
    ground.shows(&a, "after another module was taken out").await?;
    ground.put(&[B]).await?;
    ground.shows(&ground.serving(B)?, "after it came back").await?;
    ground.end().await;
    Ok(())
}

/// A starter after this one refuses: what was prepared leaves no trace.
pub(in super::super) async fn aborted<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A]).await?;
    // Twice: what the first one left behind may show in the second.
    for _ in 0..2 {
        ground.after().next(Order::Refuse);
        refused_by_us(&ground, "a later starter refused the deployment").await?;
    }
    then_goes_live(&ground).await
}

/// A starter before this one refuses: it gave handles out, and is asked to prepare nothing.
pub(in super::super) async fn early_refusal<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A]).await?;
    for _ in 0..2 {
        ground.before().next(Order::Refuse);
        refused_by_us(&ground, "an earlier starter refused the deployment").await?;
    }
    then_goes_live(&ground).await
}

async fn refused_by_us<S: Subject>(ground: &Ground<S>, what: &str) -> Result<()> {
    let a = ground.serving(A)?;
    let change = Change::new().put(ground.module(A)?).put(ground.module(B)?);
    let error = ground.refused(change, "a deployment").await?;
    ensure!(error.contains(REFUSAL), "the deployment was to be refused by the suite, and failed otherwise: {error}");
    as_before(ground, &a, &format!("after {what}")).await
}

/// The starter itself refuses a module.
pub(in super::super) async fn own_refusal<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A]).await?;
    let a = ground.serving(A)?;
    for _ in 0..2 {
        let Some(bad) = S::refused_module(B) else { break };
        ensure!(
            bad.name().as_str() == B,
            "`Subject::refused_module(\"{B}\")` makes a module of the name `{}`",
            bad.name()
        );
        let change = Change::new().put(ground.module(A)?).put(ground.followed(bad));
        let error = ground.refused(change, "the module that `Subject::refused_module` made").await?;
        ensure!(!error.contains("it panicked"), "the starter panicked in place of refusing the module: {error}");
        ensure!(!error.contains("did not answer"), "the starter hung in place of refusing the module: {error}");
        ensure!(error.contains(B), "the refusal does not name the module `{B}`: {error}");
        as_before(&ground, &a, "after the starter refused the deployment").await?;
    }
    then_goes_live(&ground).await
}

/// A plan changes nothing.
pub(in super::super) async fn plan<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A]).await?;
    let a = ground.serving(A)?;
    for _ in 0..2 {
        let change = Change::new().put(ground.module(A)?).put(ground.module(B)?);
        let plan = ground.running.plan(change).await?;
        let refused: Vec<_> = plan.refused.iter().map(ToString::to_string).collect();
        ensure!(refused.is_empty(), "the plan of a deployment that can be made says it cannot: {}", refused.join("\n"));
        as_before(&ground, &a, "after a deployment was planned, and not made").await?;
    }
    then_goes_live(&ground).await
}

/// All is as it was before a deployment that did not go live.
async fn as_before<S: Subject>(ground: &Ground<S>, a: &InstanceId, when: &str) -> Result<()> {
    ground.shows_nothing_of(B, when).await?;
    ground.shows(a, when).await?;
    ground.given(a, Given::Works, when).await?;
    ground.only_left(&[a], when).await
}

/// What did not go live before does so now.
async fn then_goes_live<S: Subject>(ground: &Ground<S>) -> Result<()> {
    ground.put(&[A, B]).await?;
    for module in [A, B] {
        let id = ground.serving(module)?;
        ground.shows(&id, "after a deployment that followed those that were not made").await?;
        ground.given(&id, Given::Works, "after a deployment that followed those that were not made").await?;
    }
    let _ = ground.running.shutdown().await;
    Ok(())
}
