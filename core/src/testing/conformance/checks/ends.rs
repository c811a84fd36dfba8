//! The end of a base: bounded, and nothing is left.

use std::sync::Arc;

use anyhow::{Context, bail, ensure};

use crate::Result;
use crate::testing::conformance::ground::{A, B, Folder, Ground, no_task_left, only_left, until, within};
use crate::testing::conformance::{Given, Subject};

/// A base ends in order and in time: with modules, after deployments, and without any.
pub(in super::super) async fn is_bounded<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A, B]).await?;
    ground.shows(&ground.serving(A)?, "before the end").await?;
    ground.put(&[A]).await?;
    ends(ground, "a base that has served").await?;
    ends(Ground::<S>::with(folder, &[]).await?, "a base without modules").await
}

async fn ends<S: Subject>(ground: Ground<S>, what: &str) -> Result<()> {
    let ended = within::<S, _>(ground.running.shutdown(), "the base did not end").await?;
    ended.with_context(|| format!("{what} did not end in order"))
}

/// Nothing is left of the starter, and a base can start again in its place.
pub(in super::super) async fn frees_all<S: Subject>(folder: &Folder) -> Result<()> {
    let when = "after the base has ended";
    let ground = Ground::<S>::with(folder, &[A, B]).await?;
    ground.shows(&ground.serving(A)?, "in a base that was started").await?;
    ground.put(&[B]).await?;
    let objects = ground.objects();
    let starter = Arc::downgrade(&ground.base.starter::<S::Starter>().await?);
    ground.end().await;
    only_left::<S>(&objects, &[], when).await?;
    if !until::<S>(|| starter.strong_count() == 0).await {
        bail!(
            "{when}, something still refers to the starter itself: {} references after {}",
            starter.strong_count(),
            humantime::format_duration(S::PATIENCE)
        );
    }
    no_task_left::<S>(when).await?;
    ensure!(folder.path().is_dir(), "the starter took the base's folder away");

    let again = Ground::<S>::with(folder, &[A]).await.context("in the place of a base that has ended")?;
    let a = again.serving(A)?;
    again.shows(&a, "in the place of a base that has ended").await?;
    let object = again.object(&a)?;
    let _ = again.running.shutdown().await;
    again.given_to(Some(object), &a, Given::Freed, when).await
}
