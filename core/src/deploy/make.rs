//! Makes one instance of a module: its handles, its object, what it publishes.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::timeout;

use crate::base::{Configuration, Shared};
use crate::compose::{CompositionError, Place, Problem};
use crate::isolation::{Contained, Frame, Scoped, catch};
use crate::module::{Fields, Instance, InstanceState, ModuleContext, ModuleSpec, PublishedService};
use crate::starter::{Handles, Provided, Staged};

/// Makes an instance, on a task of its own: a constructor that blocks its thread holds nothing else up.
pub(super) async fn make_within(
    limit: Duration,
    base: &Arc<Shared>,
    configuration: &Arc<Configuration>,
    spec: Arc<ModuleSpec>,
    state: Arc<InstanceState>,
) -> Result<Instance, Vec<Problem>> {
    let (name, site) = (spec.name.clone(), spec.site);
    let failed = |code, what: String, help: &str| {
        let places = vec![Place::source(format!("the module `{name}`"), site)];
        vec![Problem { code, what, places, help: help.to_owned() }]
    };
    let (shared, configuration) = (base.clone(), configuration.clone());
    let made = base.runtime.spawn(async move { make(&shared, &configuration, spec, &state) });
    match timeout(limit, made).await {
        Ok(Ok(made)) => made,
        Ok(Err(error)) => {
            Err(failed("construct-failed", format!("`{name}` cannot be made: {error}"), "the base was shutting down"))
        }
        Err(_) => Err(failed(
            "construct-deadline",
            format!("the constructor of `{name}` did not end within {}", humantime::format_duration(limit)),
            "leave what takes long to its `start`, which may wait without blocking a thread",
        )),
    }
}

/// Makes one instance: handles from the starters, then its constructor.
fn make(
    base: &Shared,
    configuration: &Configuration,
    spec: Arc<ModuleSpec>,
    state: &Arc<InstanceState>,
) -> Result<Instance, Vec<Problem>> {
    let settings = configuration.module(&state.id.module, &state.id.scene);
    let module = || Place::source(format!("the module `{}`", spec.name), spec.site);
    let mut handles = Handles::default();
    let mut problems = Vec::new();
    for starter in base.starters().iter() {
        let staged = Staged { id: &state.id, requirements: &spec.requirements, settings: &settings, breaking: false };
        let result = catch(|| starter.calls.provide(&mut Provided { staged, handles: &mut handles }));
        if let Err(error) = result.unwrap_or_else(|text| Err(anyhow::anyhow!("it panicked: {text}"))) {
            problems.extend(problems_of(error, "not-provided", |error| {
                (
                    format!("the starter `{}` cannot serve `{}`: {error:#}", starter.descriptor.name, spec.name),
                    vec![module()],
                    "mend the module's settings for this starter".to_owned(),
                )
            }));
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let context = ModuleContext::new(state.clone());
    let mut frame = Some(Frame { pin: None, instance: state.clone(), deadline: None, depth: 0 });
    let construct = || {
        // The error becomes a list in here: writing it is the module's code.
        (spec.make)(&Fields { context: &context, handles: &handles, settings: &settings }).map_err(|error| {
            problems_of(error, "construct-failed", |error| {
                (format!("`{}` cannot be made: {error:#}", spec.name), vec![module()], "mend what it names".to_owned())
            })
        })
    };
    let made = {
        let _scope = Scoped::enter(&mut frame);
        catch(construct)
    };
    let erased = made.map_err(|text| {
        state.report_panic("construct", &text);
        vec![Problem {
            code: "construct-panicked",
            what: format!("`{}` cannot be made: its constructor panicked: {text}", spec.name),
            places: vec![module()],
            help: "mend the panic; an `Err` would tell the reason".to_owned(),
        }]
    })??;
    let published = spec
        .publishes_in(context.scene())
        .filter_map(|publishes| {
            (publishes.publish)(erased.object()).map(|object| PublishedService {
                contract: publishes.contract,
                contract_type: publishes.contract_type,
                object,
                site: publishes.site,
            })
        })
        .collect();
    let (module, published) = (Contained::new(erased, context.state()), Contained::new(published, context.state()));
    let settings = configuration.tree.clone();
    Ok(Instance { spec, context, module, published, exports: OnceLock::new(), settings })
}

/// The problems of an error: its own, where it carries a list; else one that `describe` makes.
pub(super) fn problems_of(
    error: anyhow::Error,
    code: &'static str,
    describe: impl FnOnce(&anyhow::Error) -> (String, Vec<Place>, String),
) -> Vec<Problem> {
    match error.downcast::<CompositionError>() {
        Ok(list) => list.problems,
        Err(error) => {
            let (what, places, help) = describe(&error);
            vec![Problem { code, what, places, help }]
        }
    }
}
