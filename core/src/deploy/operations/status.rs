//! What a base tells of itself: what serves, what is on its way out, what is left of what has gone.

use serde::Serialize;

use super::bundled::budgets;
use super::note::Note;
use crate::base::{Base, Phase};
use crate::deploy::image::{BuildId, CrateLabel, Digest, RetiredReport, SourceLabel};
use crate::deploy::{OutlivedInfo, WarmInfo};
use crate::isolation::EntryInfo;
use crate::module::{Instance, InstanceId, ModuleState};

/// What a base tells of itself.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// The version of this form: 1.
    pub version: u32,
    /// The name of the base; `None` for one static binary.
    pub base: Option<String>,
    /// The fingerprint of the base; `None` for one static binary.
    pub base_fingerprint: Option<String>,
    /// Where the base is in its life.
    pub phase: Phase,
    /// The number of the composition that serves.
    pub composition: u64,
    /// What the base found at its start: why a module did not come back as it served last.
    pub notes: Vec<Note>,
    /// How many deployments are at work or wait.
    pub queue: usize,
    /// What serves.
    pub modules: Vec<ServingModule>,
    /// What was replaced, and could serve again.
    pub warm: Vec<WarmInfo>,
    /// What was replaced and is on its way out, with what it waits for.
    pub draining: Vec<Drains>,
    /// What has gone, and what something still refers to: threads of the module's own, or work that blocks its thread.
    pub undrained: Vec<OutlivedInfo>,
    /// What has gone and stays in memory, with its budgets.
    pub retired: RetiredReport,
}

/// One module that serves.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ServingModule {
    /// The instance.
    pub instance: InstanceId,
    /// Where it is in its life.
    pub state: ModuleState,
    /// The version of its crate.
    pub version: &'static str,
    /// The object that its code comes from; `None`: it is linked into the program.
    pub digest: Option<Digest>,
    /// The build id of that object.
    pub build_id: Option<BuildId>,
    /// The revision that it was built from.
    pub source: Option<SourceLabel>,
    /// The crates that the object carries: those which it shares with other objects have to be the same there.
    pub carried: Vec<CrateLabel>,
}

/// One instance on its way out.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Drains {
    /// The instance.
    pub instance: InstanceId,
    /// Where it is in its life.
    pub state: ModuleState,
    /// The object that its code comes from.
    pub digest: Option<Digest>,
    /// What is inside it: it waits for these.
    pub holding: Vec<EntryInfo>,
    /// How many streams it waits for: responses that are being sent, upgraded connections.
    pub streams: usize,
    /// How many tasks of its own it waits for.
    pub tasks: usize,
}

pub(super) async fn status(base: &Base) -> Status {
    let shared = &base.shared;
    let parts = shared.operations();
    let manifest = parts.bundled.as_ref().map(|bundled| &bundled.manifest);
    let now = base.pin();
    let modules = now.instances().map(|instance| serving(instance)).collect();
    let composition = now.number();
    drop(now);
    let warm = base.warm();
    let leaving = shared.leaving();
    let drains = leaving.iter().filter(|instance| warm.iter().all(|warm| warm.instance != *instance.id()));
    let draining = drains.map(|instance| draining(instance)).collect();
    Status {
        version: 1,
        base: manifest.map(|manifest| manifest.base.clone()),
        base_fingerprint: manifest.map(|manifest| manifest.label.base_fingerprint.clone()),
        phase: base.phase(),
        composition,
        notes: parts.notes.clone(),
        queue: shared.deployer.waiting(),
        modules,
        draining,
        warm,
        undrained: shared.outlived.list(),
        retired: retired(base).await,
    }
}

/// Measuring reads what the kernel lists, which takes its time.
async fn retired(base: &Base) -> RetiredReport {
    let Some(bundled) = base.shared.operations().bundled.clone() else { return RetiredReport::default() };
    let budgets = budgets(&base.shared.configuration().core.deploy);
    let measured = base.shared.runtime.spawn_blocking(move || bundled.images().map(|images| images.report(&budgets)));
    measured.await.ok().flatten().unwrap_or_default()
}

fn serving(instance: &Instance) -> ServingModule {
    let object = instance.spec().origin().object();
    ServingModule {
        instance: instance.id().clone(),
        state: instance.state(),
        version: instance.spec().site().version,
        digest: object.map(|object| object.digest()),
        build_id: object.map(|object| object.build_id().clone()),
        source: object.map(|object| object.label().source.clone()),
        carried: object
            .into_iter()
            .flat_map(|object| object.label().crates.iter().filter(|one| !one.in_base).cloned())
            .collect(),
    }
}

fn draining(instance: &Instance) -> Drains {
    let state = instance.state_cell();
    Drains {
        instance: instance.id().clone(),
        state: instance.state(),
        digest: instance.spec().origin().object().map(|object| object.digest()),
        holding: instance.in_flight(),
        streams: state.streams.now(),
        tasks: state.tasks.now(),
    }
}
