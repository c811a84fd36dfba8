//! From one generation of a module to the next: both are there for a while, and the old one leaves nothing.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::Result;
use crate::deploy::Change;
use crate::module::InstanceId;
use crate::scene::SceneName;
use crate::testing::conformance::ground::{A, B, Folder, Ground, name, within};
use crate::testing::conformance::{Generations, Given, Subject};

/// Longer than any check: nothing gets cold by itself.
const BAKE: Duration = Duration::from_secs(3600);

/// An entry that stays in the instance until it is told to leave.
struct Guest {
    leave: oneshot::Sender<()>,
    visit: tokio::task::JoinHandle<Result<(), crate::CallError>>,
}

impl Guest {
    async fn enters<S: Subject>(ground: &Ground<S>, module: &str) -> Result<Self> {
        let (leave, told) = oneshot::channel();
        let (inside, entered) = oneshot::channel();
        let (running, module) = (ground.running.clone(), name(module)?);
        let visit = tokio::spawn(async move {
            let now = running.pin();
            let instance = now.instance(&module, &SceneName::main()).cloned().expect("it serves");
            let work = async move {
                // The check waits for the one, and may have given up before the other.
                let _ = inside.send(());
                let _ = told.await;
            };
            instance.enter(&now, S::entry(), work).await
        });
        within::<S, _>(entered, "an entry was not let in: write `Subject::entry`, so that the starter's wrapper does")
            .await??;
        Ok(Self { leave, visit })
    }

    async fn leaves<S: Subject>(self) -> Result<()> {
        let _ = self.leave.send(());
        within::<S, _>(self.visit, "an entry did not end").await???;
        Ok(())
    }
}

/// Two generations at once, and after it the new one alone.
pub(in super::super) async fn generations<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A]).await?;
    ground.shows(&ground.serving(A)?, "before a new generation came").await?;
    let guest = Guest::enters(&ground, A).await?;
    ground.put(&[A]).await?;
    let new = ground.serving(A)?;
    ground.shows(&new, "while the generation before it drains").await?;
    guest.leaves::<S>().await?;
    ground.settled().await?;
    let when = "after the generation before it was released";
    ground.shows(&new, when).await?;
    ground.given(&new, Given::Works, when).await?;
    ground.end().await;
    Ok(())
}

/// What drains keeps what it was given.
pub(in super::super) async fn drains<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A]).await?;
    let old = ground.serving(A)?;
    ground.given(&old, Given::Works, "while it serves").await?;
    let guest = Guest::enters(&ground, A).await?;
    ground.put(&[A]).await?;
    ground.given(&old, Given::Works, "while it drains, with an entry inside").await?;
    guest.leaves::<S>().await?;
    ground.settled().await?;
    let new = ground.serving(A)?;
    let guest = Guest::enters(&ground, A).await?;
    ground.deploy(Change::new().remove(name(A)?), "a deployment that takes a module out").await?;
    ground.given(&new, Given::Works, "while it drains after it was taken out, with an entry inside").await?;
    guest.leaves::<S>().await?;
    ground.end().await;
    Ok(())
}

/// What was given is closed when the instance is released, whoever still has it.
pub(in super::super) async fn freed<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A, B]).await?;
    let old = ground.serving(A)?;
    let object = ground.object(&old)?;
    ground.put(&[A]).await?;
    ground.settled().await?;
    if S::GENERATIONS == Generations::Apart {
        ground.given_to(Some(object), &old, Given::Freed, "after it was replaced and released").await?;
    }
    let new = ground.serving(A)?;
    let object = ground.object(&new)?;
    ground.given(&new, Given::Works, "while it serves").await?;
    ground.deploy(Change::new().remove(name(A)?), "a deployment that takes a module out").await?;
    ground.settled().await?;
    ground.given_to(Some(object), &new, Given::Freed, "after it was taken out and released").await?;
    ground.end().await;
    Ok(())
}

/// Nothing refers to what is retired.
pub(in super::super) async fn retired<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A, B]).await?;
    for _ in 0..3 {
        let (a, b) = (ground.serving(A)?, ground.serving(B)?);
        ground.shows(&a, "in a row of deployments").await?;
        ground.put(&[A]).await?;
        ground.settled().await?;
        ground.only_left(&[&ground.serving(A)?, &b], "after a new generation took over").await?;
    }
    let b = ground.serving(B)?;
    ground.deploy(Change::new().remove(name(A)?), "a deployment that takes a module out").await?;
    ground.settled().await?;
    ground.only_left(&[&b], "after a module was taken out").await?;
    ground.end().await;
    Ok(())
}

/// A swap back to a generation that stayed warm, and forth again.
pub(in super::super) async fn rollback<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A]).await?;
    let first = ground.serving(A)?;
    ground.shows(&first, "before it was replaced").await?;
    for _ in 0..2 {
        let change = Change::new().put(ground.module(A)?).bake(BAKE);
        ground.deploy(change, "a deployment that keeps the generation before it warm").await?;
        let second = ground.serving(A)?;
        ground.shows(&second, "while the generation before it stays warm").await?;
        ground.given(&first, Given::Works, "while it stays warm").await?;
        ground.deploy(Change::new().revive(name(A)?), "a rollback to the warm generation").await?;
        let back = ground.serving(A)?;
        anyhow::ensure!(back == first, "after a rollback {back} serves, and not {first}");
        serves_again(&ground, &first, "after a rollback").await?;
        ground.settled().await?;
        serves_again(&ground, &first, "after a rollback, when what it replaced was released").await?;
        ground.only_left(&[&first], "after a rollback").await?;
    }
    ground.end().await;
    Ok(())
}

/// It is served. Where generations share their data, what the later ones left is still there.
async fn serves_again<S: Subject>(ground: &Ground<S>, id: &InstanceId, when: &str) -> Result<()> {
    ground.shows_again(id, when).await?;
    ground.given(id, Given::Works, when).await
}
