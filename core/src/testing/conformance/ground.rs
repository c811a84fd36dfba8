//! What a check stands on: a base with the starter that is tried, between the suite's own two, and what can be asked
//! of it.

use std::any::Any;
use std::collections::BTreeSet;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::time::{Instant, sleep, timeout};

use crate::Result;
use crate::base::Base;
use crate::deploy::{Change, Deployed};
use crate::descriptors::{ModuleName, StarterDescriptor};
use crate::isolation::text_of;
use crate::module::{InstanceId, ModuleSpec};
use crate::scene::SceneName;
use crate::starter::{DeclaredStarter, Inspection};
use crate::testing::conformance::checkpoint::{Checkpoint, First, Last};
use crate::testing::conformance::objects::Objects;
use crate::testing::conformance::{Generations, Given, Look, Subject};
pub(super) use crate::testing::folder::Folder;
use crate::testing::{TestBase, TestBaseBuilder};

/// The modules of the checks. Nothing else in a base is called so.
pub(super) const A: &str = "conformance-a";
pub(super) const B: &str = "conformance-b";

/// Below what the subject's own settings say: a starter that hangs is told after seconds.
const SETTINGS: &str = "[lifecycle]\nstop_deadline = \"3s\"\n[drain]\ndeadline = \"15s\"";

/// The starter that is tried.
pub(super) const fn starter<S: Subject>() -> &'static StarterDescriptor {
    <S::Starter as DeclaredStarter>::DESCRIPTOR
}

/// A base with the starter, in a folder of its own, without modules.
pub(super) fn builder<S: Subject>(folder: &Folder) -> TestBaseBuilder {
    let with = TestBase::builder().folder(folder.path()).settings(SETTINGS).starter::<S::Starter>();
    S::base(with.starter::<First>().starter::<Last<S::Starter>>())
}

/// A running base with the starter that is tried.
pub(super) struct Ground<S: Subject> {
    pub(super) base: TestBase,
    pub(super) running: Base,
    first: Arc<First>,
    last: Arc<Last<S::Starter>>,
    objects: Objects,
}

impl<S: Subject> Ground<S> {
    /// Starts a base with these modules.
    pub(super) async fn with(folder: &Folder, modules: &[&str]) -> Result<Self> {
        let objects = Objects::default();
        let mut builder = builder::<S>(folder);
        for name in modules {
            builder = builder.with(module::<S>(name, &objects)?);
        }
        let base = TestBase::new(builder);
        let running = base.running().await.context("a base with the starter did not start")?;
        let (first, last) = (base.starter().await?, base.starter().await?);
        Ok(Self { base, running, first, last, objects })
    }

    /// The checkpoint before the starter.
    pub(super) fn before(&self) -> &Checkpoint {
        &self.first.0
    }

    /// The checkpoint after the starter.
    pub(super) fn after(&self) -> &Checkpoint {
        &self.last.0
    }

    /// Ends the base. What does not end in order is for the checks about the end.
    pub(super) async fn end(self) {
        let _ = self.running.shutdown().await;
    }

    /// A module that uses the starter.
    pub(super) fn module(&self, name: &str) -> Result<ModuleSpec> {
        module::<S>(name, &self.objects)
    }

    /// Any module, whose objects are followed.
    pub(super) fn followed(&self, spec: ModuleSpec) -> ModuleSpec {
        self.objects.of(spec)
    }

    /// Puts new generations of these modules in.
    pub(super) async fn put(&self, modules: &[&str]) -> Result<Deployed> {
        let mut change = Change::new();
        for name in modules {
            change = change.put(self.module(name)?);
        }
        self.deploy(change, &format!("a deployment of {}", modules.join(" and "))).await
    }

    /// Carries out a deployment that must succeed.
    pub(super) async fn deploy(&self, change: Change, what: &str) -> Result<Deployed> {
        self.running.deploy(change).await.with_context(|| format!("{what} failed"))
    }

    /// Carries out a deployment that must fail, and says why it did.
    pub(super) async fn refused(&self, change: Change, what: &str) -> Result<String> {
        match self.running.deploy(change).await {
            Ok(_) => bail!("{what} went live, though it was refused"),
            Err(error) => Ok(error.to_string()),
        }
    }

    /// The instance of a module that serves in the scene `main`.
    pub(super) fn serving(&self, module: &str) -> Result<InstanceId> {
        let now = self.running.pin();
        let found = now.instance(&name(module)?, &SceneName::main()).map(|instance| instance.id().clone());
        found.with_context(|| format!("no instance of `{module}` serves"))
    }

    /// Waits until what left has ended.
    pub(super) async fn settled(&self) -> Result<()> {
        within::<S, _>(self.running.settled(), "what left the composition did not end").await
    }

    /// Whether exactly this instance can be found at its place.
    pub(super) async fn shows(&self, id: &InstanceId, when: &str) -> Result<()> {
        self.shows_beside(id, id.generation, when).await
    }

    /// The same of one that serves again: later ones may have left something where generations share it.
    pub(super) async fn shows_again(&self, id: &InstanceId, when: &str) -> Result<()> {
        self.shows_beside(id, u64::MAX, when).await
    }

    async fn shows_beside(&self, id: &InstanceId, before: u64, when: &str) -> Result<()> {
        let traces = self.traces(&id.module, &id.scene).await?;
        let member = format!("{}@{}", id.module, id.scene);
        let own = |trace: &String| *trace == id.to_string() || *trace == member;
        let former = |trace: &String| {
            let generation = trace.strip_prefix(&member).and_then(|rest| rest.strip_prefix('#'));
            S::GENERATIONS == Generations::Shared
                && generation.and_then(|number| number.parse::<u64>().ok()).is_some_and(|number| number < before)
        };
        ensure!(traces.iter().any(own), "{when}, {id} is not found at its place: {}", listed(&traces));
        let strangers: BTreeSet<_> = traces.into_iter().filter(|trace| !own(trace) && !former(trace)).collect();
        ensure!(strangers.is_empty(), "{when}, something else is found at the place of {id}: {}", listed(&strangers));
        Ok(())
    }

    /// Whether nothing can be found of a module.
    pub(super) async fn shows_nothing_of(&self, module: &str, when: &str) -> Result<()> {
        let traces = self.traces(&name(module)?, &SceneName::main()).await?;
        ensure!(traces.is_empty(), "{when}, {} is found at the place of `{module}`", listed(&traces));
        let shown = self.inspected()?.into_iter().find(|inspection| text(inspection).contains(module));
        if let Some(shown) = shown {
            bail!("{when}, `{module}` is in what the starters show under `{}`: {}", shown.name, text(&shown));
        }
        Ok(())
    }

    async fn traces(&self, module: &ModuleName, scene: &SceneName) -> Result<BTreeSet<String>> {
        let object = self.running.pin().instance(module, scene).map(|instance| instance.object().object());
        let look = Look { base: &self.base, running: &self.running, module, scene, object };
        let seen = within::<S, _>(S::seen(&look), "`Subject::seen` did not answer").await?;
        let seen = seen.with_context(|| format!("`Subject::seen` could not look at {module}@{scene}"))?;
        Ok(seen.into_iter().collect())
    }

    /// Whether what the starter gave to an instance is in this state.
    pub(super) async fn given(&self, id: &InstanceId, wanted: Given, when: &str) -> Result<()> {
        self.given_to(self.objects.get(id), id, wanted, when).await
    }

    /// The same, with the object at hand.
    pub(super) async fn given_to(
        &self,
        object: Option<Arc<dyn Any + Send + Sync>>,
        id: &InstanceId,
        wanted: Given,
        when: &str,
    ) -> Result<()> {
        let look = Look { base: &self.base, running: &self.running, module: &id.module, scene: &id.scene, object };
        let found = within::<S, _>(S::given(&look), "`Subject::given` did not answer").await?;
        if found == Given::Nothing {
            let handles = starter::<S>().provides;
            ensure!(
                handles.is_empty(),
                "the starter provides `{}`, and `Subject::given` says that it gives nothing: write `given`",
                handles.iter().map(|handle| (handle.type_name)()).collect::<Vec<_>>().join("`, `")
            );
            return Ok(());
        }
        ensure!(found == wanted, "{when}, what was given to {id} is expected to be `{wanted:?}`, and is `{found:?}`");
        Ok(())
    }

    /// The object of an instance, to be held on to.
    pub(super) fn object(&self, id: &InstanceId) -> Result<Arc<dyn Any + Send + Sync>> {
        self.objects.get(id).with_context(|| format!("the object of {id} is gone while it serves"))
    }

    /// Waits until no other objects are left than those of these instances.
    pub(super) async fn only_left(&self, ids: &[&InstanceId], when: &str) -> Result<()> {
        only_left::<S>(&self.objects, ids, when).await
    }

    /// The objects that were made, for when the base has ended.
    pub(super) fn objects(&self) -> Objects {
        self.objects.clone()
    }

    /// What all starters show.
    pub(super) fn inspected(&self) -> Result<Vec<Inspection>> {
        catch_unwind(AssertUnwindSafe(|| self.running.inspect()))
            .map_err(|payload| anyhow::anyhow!("`inspect` panicked: {}", text_of(&*payload)))
    }
}

/// Waits until no other objects are left than those of these instances.
pub(super) async fn only_left<S: Subject>(objects: &Objects, ids: &[&InstanceId], when: &str) -> Result<()> {
    let others = || objects.alive().into_iter().filter(|id| !ids.contains(&id)).collect::<Vec<_>>();
    if until::<S>(|| others().is_empty()).await {
        return Ok(());
    }
    let others: Vec<_> = others().iter().map(ToString::to_string).collect();
    bail!("{when}, something still refers to {}, which nobody needs any more", others.join(", "))
}

/// A module that uses the starter, whose objects are followed.
pub(super) fn module<S: Subject>(named: &str, objects: &Objects) -> Result<ModuleSpec> {
    let spec = S::module(named);
    ensure!(
        spec.name().as_str() == named,
        "`Subject::module(\"{named}\")` makes a module of the name `{}`",
        spec.name()
    );
    Ok(objects.of(spec))
}

/// The text of what is shown.
pub(super) fn text(inspection: &Inspection) -> String {
    match &inspection.content {
        crate::starter::Content::Json(value) => value.to_string(),
        crate::starter::Content::Text { body, .. } => body.clone(),
    }
}

/// A module's name.
pub(super) fn name(name: &str) -> Result<ModuleName> {
    Ok(ModuleName::new(name)?)
}

/// Waits for what must come.
pub(super) async fn within<S: Subject, T>(what: impl Future<Output = T>, otherwise: &str) -> Result<T> {
    timeout(S::PATIENCE, what)
        .await
        .map_err(|_| anyhow::anyhow!("{otherwise} within {}", humantime::format_duration(S::PATIENCE)))
}

/// Whether this comes to be.
pub(super) async fn until<S: Subject>(comes: impl Fn() -> bool) -> bool {
    let last = Instant::now() + S::PATIENCE;
    while !comes() {
        if Instant::now() >= last {
            return false;
        }
        sleep(Duration::from_millis(2)).await;
    }
    true
}

/// How many tasks there are on the check's runtime.
pub(super) fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// Waits until no task is left on the check's runtime.
pub(super) async fn no_task_left<S: Subject>(when: &str) -> Result<()> {
    ensure!(
        until::<S>(|| tasks() == 0).await,
        "{when}, {} of the tasks that were spawned in the base are still there",
        tasks()
    );
    Ok(())
}

fn listed(traces: &BTreeSet<String>) -> String {
    match traces.is_empty() {
        true => "nothing is".to_owned(),
        false => traces.iter().map(|trace| format!("`{trace}`")).collect::<Vec<_>>().join(", "),
    }
}
