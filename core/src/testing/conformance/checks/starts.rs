//! A start that fails: told, and without a trace.

use anyhow::{bail, ensure};

use crate::Result;
use crate::compose::CompositionError;
use crate::module::{Module, ModuleContext, ModuleSpec};
use crate::testing::conformance::Subject;
use crate::testing::conformance::checkpoint::{Failing, NO_STARTER};
use crate::testing::conformance::ground::{
    A, Folder, Ground, builder, module, no_task_left, only_left, starter, within,
};
use crate::testing::conformance::objects::Objects;
use crate::testing::{TestBase, TestBaseBuilder};

/// Why the module of the suite does not start.
const NO_MODULE: &str = "a module of the conformance suite does not start";

/// Settings that the starter refuses keep the base from starting.
pub(in super::super) async fn bad_settings<S: Subject>(folder: &Folder) -> Result<()> {
    let (all, own) = (S::refused_settings(), starter::<S>());
    let keys = (own.settings.schema)().keys;
    ensure!(
        !all.is_empty() || keys.is_empty(),
        "the starter has the settings `{}`, and `Subject::refused_settings` names none that it refuses",
        keys.into_iter().map(|key| key.name).collect::<Vec<_>>().join("`, `")
    );
    for settings in all {
        let when = format!("with the settings\n{settings}\n");
        let objects = Objects::default();
        let bad = builder::<S>(folder).with(module::<S>(A, &objects)?).settings(settings);
        let error = fails::<S>(bad, &when).await?;
        ensure!(
            error.step != "settings" && !error.problems.iter().all(|problem| problem.code == "setting-unknown"),
            "{when}it is not the starter that refuses them: write TOML, and a key that the starter has: {error}"
        );
        let text = error.to_string();
        let named = text.contains(&format!("starters.{}", own.name)) || text.contains(&format!("`{}`", own.name));
        ensure!(named, "{when}the error names neither the starter nor its section `starters.{}`: {text}", own.name);
        ensure!(!text.contains("it panicked"), "{when}the starter panicked in place of an error: {text}");
        ensure!(!text.contains("did not answer"), "{when}the starter hung in place of an error: {text}");
        only_left::<S>(&objects, &[], &when).await?;
        no_task_left::<S>(&when).await?;
    }
    serves::<S>(folder).await
}

/// Another starter fails to start, or a module does: this one stops without having served.
pub(in super::super) async fn not_started<S: Subject>(folder: &Folder) -> Result<()> {
    let objects = Objects::default();
    let with = || Ok::<_, crate::Error>(builder::<S>(folder).with(module::<S>(A, &objects)?));
    for (bad, when, cause) in [
        (with()?.starter::<Failing<S::Starter>>(), "after another starter failed to start", NO_STARTER),
        (with()?.with(fails_to_start()?), "after a module of the first composition failed to start", NO_MODULE),
    ] {
        let error = fails::<S>(bad, when).await?.to_string();
        ensure!(error.contains(cause), "{when}, the base is to fail for that alone, and says: {error}");
        only_left::<S>(&objects, &[], when).await?;
        no_task_left::<S>(when).await?;
    }
    serves::<S>(folder).await
}

/// A base that must not start.
async fn fails<S: Subject>(bad: TestBaseBuilder, when: &str) -> Result<CompositionError> {
    let base = TestBase::new(bad);
    match within::<S, _>(base.running(), "a base that cannot start did not say so").await? {
        Err(error) => Ok(error),
        Ok(running) => {
            let _ = running.shutdown().await;
            bail!("{when}the base starts all the same");
        }
    }
}

/// After the failures a base starts and serves, in the same folder.
async fn serves<S: Subject>(folder: &Folder) -> Result<()> {
    let ground = Ground::<S>::with(folder, &[A]).await?;
    ground.shows(&ground.serving(A)?, "after starts that failed").await?;
    ground.end().await;
    Ok(())
}

struct DoesNotStart;

impl Module for DoesNotStart {
    async fn start(&self, _: &ModuleContext) -> Result<()> {
        bail!(NO_MODULE)
    }
}

fn fails_to_start() -> Result<ModuleSpec> {
    Ok(ModuleSpec::plain("conformance-does-not-start", |_| Ok(DoesNotStart))?)
}
