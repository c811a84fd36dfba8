//! What must not see each other: modules, scenes, bases.

use crate::Result;
use crate::deploy::Change;
use crate::scene::SceneName;
use crate::testing::conformance::ground::{A, B, Folder, Ground, name};
use crate::testing::conformance::{Given, Subject};

/// Two modules of one composition.
pub(in super::super) async fn modules<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A, B]).await?;
    let (a, b) = (ground.serving(A)?, ground.serving(B)?);
    // Twice, since a look may leave a trace as well.
    for when in ["beside another module", "beside another module that was used"] {
        ground.shows(&a, when).await?;
        ground.shows(&b, when).await?;
    }
    ground.deploy(Change::new().remove(name(A)?), "a deployment that takes a module out").await?;
    ground.settled().await?;
    ground.shows(&b, "after another module was taken out").await?;
    ground.given(&b, Given::Works, "after another module was taken out").await?;
    ground.end().await;
    Ok(())
}

/// One module in two scenes.
pub(in super::super) async fn scenes<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A]).await?;
    let main = ground.serving(A)?;
    let scene = SceneName::new("conformance")?;
    let change = Change::new().put_in(scene.clone(), ground.module(A)?);
    let deployed = ground.deploy(change, "a deployment of the same module in a second scene").await?;
    let Some(other) = deployed.came.into_iter().find(|id| id.scene == scene) else {
        anyhow::bail!("no instance came into the second scene");
    };
    for when in ["beside the same module in another scene", "beside the same module in another scene that was used"] {
        ground.shows(&main, when).await?;
        ground.shows(&other, when).await?;
    }
    ground.put(&[A]).await?;
    ground.settled().await?;
    let when = "after the same module was replaced in another scene";
    ground.shows(&other, when).await?;
    ground.given(&other, Given::Works, when).await?;
    ground.shows(&ground.serving(A)?, "after it was replaced, beside another scene").await?;
    ground.end().await;
    Ok(())
}

/// Two bases in one process.
pub(in super::super) async fn bases<S: Subject>(folder: &Folder) -> Result<()> {
    let elsewhere = Folder::new()?;
    let one = Ground::<S>::with(folder, &[A]).await?;
    let other = Ground::<S>::with(&elsewhere, &[A, B]).await?;
    // So that the traces of the two differ.
    other.put(&[A]).await?;
    other.settled().await?;
    for when in ["beside another base", "beside another base that was used"] {
        one.shows(&one.serving(A)?, when).await?;
        one.shows_nothing_of(B, "beside another base that has it").await?;
        other.shows(&other.serving(A)?, when).await?;
        other.shows(&other.serving(B)?, when).await?;
    }
    other.end().await;
    let (a, when) = (one.serving(A)?, "after another base has ended");
    one.shows(&a, when).await?;
    one.given(&a, Given::Works, when).await?;
    one.put(&[A]).await?;
    one.shows(&one.serving(A)?, "after a deployment that followed another base's end").await?;
    one.end().await;
    Ok(())
}
