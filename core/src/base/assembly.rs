//! A base before it runs: what is linked, what is enabled, whether it fits together, and its start.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use crate::base::config::{Configuration, CoreSettings, ModuleCoreSettings, StarterCoreSettings};
use crate::base::main::OWN_COMMANDS;
use crate::base::sections::{forgive_former, known_sections, read_sections};
use crate::base::shutdown::stop_starters;
use crate::base::{Base, BaseInfo, CompositionReport, Kind, Linked, LinkedParts, Phase, RunningStarter, Shared};
use crate::compose::{CompositionError, Place, Problem, check, start_order};
use crate::deploy::operations::{Booted, Note, OperationParts, Purpose, boot};
use crate::deploy::{Change, Ledger, Reason, deploy, not_longer_than};
use crate::descriptors::{StarterDescriptor, linked_modules, linked_starters};
use crate::isolation::report_panics_once;
use crate::module::ModuleSpec;
use crate::scene::SceneName;
use crate::settings::{KeyPath, Known, SettingProblem, Sources, Tree};
use crate::starter::{DeclaredStarter, StarterContext};

/// What a base is made of, before it runs.
pub struct Assembly {
    pub(super) info: Option<&'static BaseInfo>,
    pub(crate) starters: Vec<&'static StarterDescriptor>,
    pub(super) modules: Vec<Arc<ModuleSpec>>,
    pub(super) settings: Tree,
    folder: PathBuf,
    pub(crate) ledger: Option<Arc<dyn Ledger>>,
    sources: Option<Sources>,
    operations: Option<OperationParts>,
}

/// An assembly that fits together: what is enabled, in the order of its start.
pub struct Checked {
    pub(super) core: CoreSettings,
    pub(super) starters: Vec<&'static StarterDescriptor>,
    pub(super) modules: Vec<Arc<ModuleSpec>>,
}

impl Assembly {
    /// An assembly of nothing, for an explicit list: `folder` is where relative paths start from.
    #[must_use]
    pub fn new(settings: Tree, folder: impl Into<PathBuf>) -> Self {
        Self {
            info: None,
            starters: Vec::new(),
            modules: Vec::new(),
            settings,
            folder: folder.into(),
            ledger: None,
            sources: None,
            operations: None,
        }
    }

    /// What is linked into this program.
    ///
    /// # Errors
    ///
    /// Where the registries cannot be read, or carry something invalid.
    pub fn linked(
        info: &'static BaseInfo,
        settings: Tree,
        folder: impl Into<PathBuf>,
    ) -> Result<Self, CompositionError> {
        let descriptors = linked_modules().map_err(|problem| CompositionError::new("link", vec![problem]))?;
        let mut modules = Vec::new();
        let mut problems = Vec::new();
        for descriptor in descriptors {
            match ModuleSpec::from_descriptor(descriptor) {
                Ok(spec) => modules.push(Arc::new(spec)),
                Err(error) => problems.push(Problem {
                    code: "invalid-name",
                    what: error.to_string(),
                    places: vec![Place::source("the module", descriptor.site)],
                    help: "give the module a valid name: `#[module(name = \"…\")]`".to_owned(),
                }),
            }
        }
        if !problems.is_empty() {
            return Err(CompositionError::new("link", problems));
        }
        Ok(Self {
            info: Some(info),
            starters: linked_starters(),
            modules,
            settings,
            folder: folder.into(),
            ledger: None,
            sources: None,
            operations: None,
        })
    }

    /// Adds a starter.
    #[must_use]
    pub fn starter<S: DeclaredStarter>(mut self) -> Self {
        self.starters.push(S::DESCRIPTOR);
        self
    }

    /// Adds a module.
    #[must_use]
    pub fn module(mut self, module: ModuleSpec) -> Self {
        self.modules.push(Arc::new(module));
        self
    }

    /// Says where the settings came from, so that the running base can read them anew.
    #[must_use]
    pub fn sources(mut self, sources: Sources) -> Self {
        self.sources = Some(sources);
        self
    }

    /// Brings in the modules of the bundle that this program is in, where it is in one.
    ///
    /// # Errors
    ///
    /// All that keeps them from being loaded.
    pub(crate) fn bundled(mut self, bundle: Option<PathBuf>, purpose: Purpose) -> Result<Self, CompositionError> {
        let Some(info) = self.info else { return Ok(self) };
        if let Some(Booted { modules, parts }) = boot(info, bundle, &self.settings, &self.folder, purpose)? {
            self.modules.extend(modules.into_iter().map(Arc::new));
            self.operations = Some(parts);
        }
        Ok(self)
    }

    /// Gives the base what its operations work with.
    #[cfg(test)]
    pub(crate) fn operating(mut self, parts: OperationParts) -> Self {
        self.operations = Some(parts);
        self
    }

    /// Keeps the record of what the base serves: told before each deployment goes live.
    #[must_use]
    pub fn ledger(mut self, ledger: impl Ledger) -> Self {
        self.ledger = Some(Arc::new(ledger));
        self
    }

    /// All sections that the settings may have, with their keys.
    #[must_use]
    pub fn known(&self) -> Known {
        known_sections(&self.starters, self.modules.iter().map(|module| &**module))
    }

    /// Checks settings, requirements and contracts. Starts nothing.
    ///
    /// # Errors
    ///
    /// All that is wrong, in one list.
    pub fn check(&self) -> Result<Checked, CompositionError> {
        let mut settings = self.settings.unknown(&self.known());
        if let Some(operations) = &self.operations {
            forgive_former(&mut settings, &operations.journal.modules());
        }
        let core = CoreSettings::read(&self.settings, &mut settings);
        let starters = self.enabled_starters();
        let modules = self.enabled_modules();
        let scene = SceneName::main();
        let members = || modules.iter().map(|module| (&scene, module));
        read_sections(&self.settings, &starters, members(), &mut settings);
        SettingProblem::arrange(&mut settings);
        let mut problems: Vec<_> = settings.into_iter().map(Problem::from).collect();
        problems.extend(self.not_linked());
        problems.extend(doubled_commands(&starters));
        problems.extend(check(members(), &starters));
        let starters = match in_order(&starters) {
            Ok(starters) => starters,
            Err(problem) => {
                problems.push(problem);
                starters
            }
        };
        match core {
            Some(core) if problems.is_empty() => Ok(Checked { core, starters, modules }),
            _ => Err(CompositionError::new("check", problems)),
        }
    }

    pub(super) fn is_starter_enabled(&self, starter: &StarterDescriptor) -> bool {
        let path = KeyPath::of(["starters", starter.name]);
        self.settings.read::<StarterCoreSettings>(&[path], &mut Vec::new()).is_none_or(|core| core.enabled)
    }

    pub(super) fn is_module_enabled(&self, module: &ModuleSpec) -> bool {
        let path = KeyPath::of(["modules", module.name.as_str()]);
        self.settings.read::<ModuleCoreSettings>(&[path], &mut Vec::new()).is_none_or(|core| core.enabled)
    }

    fn enabled_starters(&self) -> Vec<&'static StarterDescriptor> {
        self.starters.iter().copied().filter(|starter| self.is_starter_enabled(starter)).collect()
    }

    fn enabled_modules(&self) -> Vec<Arc<ModuleSpec>> {
        self.modules.iter().filter(|module| self.is_module_enabled(module)).cloned().collect()
    }

    /// Starters and modules that the base's `Cargo.toml` lists, and that have registered nothing.
    fn not_linked(&self) -> Vec<Problem> {
        let arrived: BTreeSet<&str> = self
            .starters
            .iter()
            .map(|starter| starter.site.crate_name)
            .chain(self.modules.iter().map(|module| module.site.crate_name))
            .collect();
        let Some(info) = self.info else { return Vec::new() };
        info.listed
            .iter()
            .filter(|listed| listed.linked == Linked::Yes && !arrived.contains(listed.package))
            // A module of a bundle is an object of its own, which may have been uninstalled.
            .filter(|listed| info.label.is_none() || listed.kind == Kind::Starter)
            .map(|listed| {
                let (kind, attribute) = match listed.kind {
                    Kind::Starter => ("starter", "#[starter]"),
                    Kind::Module => ("module", "#[module]"),
                };
                Problem {
                    code: "not-linked",
                    what: format!(
                        "`{}` is listed in the base's `Cargo.toml` as a {kind}, and is not linked: it registered nothing",
                        listed.package
                    ),
                    places: vec![Place::source("the base", info.site)],
                    help: format!(
                        "put `{attribute}` on a type in the root of `{}`, or take `kind = \"{kind}\"` out of its \
                         `[package.metadata.bedplate]`",
                        listed.package
                    ),
                }
            })
            .collect()
    }

    /// What is linked, enabled, skipped.
    #[must_use]
    pub fn report(&self) -> CompositionReport {
        CompositionReport::of(self)
    }

    /// Checks, starts the starters, and deploys the first composition.
    ///
    /// # Errors
    ///
    /// All that is wrong. What had started is stopped again.
    pub async fn start(self) -> Result<Base, CompositionError> {
        let Checked { core, starters, modules } = self.check()?;
        report_panics_once();
        let report = self.report();
        let runtime = tokio::runtime::Handle::current();
        let configuration = Configuration::new(Arc::new(self.settings), core);
        let linked = LinkedParts { starters: self.starters, modules: self.modules };
        let shared = Shared::new(self.folder, configuration, linked, runtime);
        if let Some(ledger) = self.ledger {
            shared.set_ledger(ledger);
        }
        if let Some(sources) = self.sources {
            // The first and only time: the base is new.
            let _ = shared.sources.set(sources);
        }
        shared.set_operations(self.operations.unwrap_or_else(OperationParts::of_static));
        let base = Base { shared: shared.clone() };
        if let Err(error) = start_starters(&base, &starters).await {
            stop_starters(&shared).await;
            shared.let_go();
            return Err(error);
        }
        report.log();
        shared.operations().notes.iter().for_each(Note::log);
        let mut change = Change::new();
        for module in modules {
            change.put.insert((module.name.clone(), SceneName::main()), module);
        }
        if let Err(error) = deploy(&shared, change, Reason::Asked, None).await {
            // What was swapped in and taken back ends first.
            base.settled().await;
            stop_starters(&shared).await;
            shared.let_go();
            return Err(error);
        }
        // A starter may have asked it to end meanwhile.
        shared.phase.send_if_modified(|phase| {
            let starting = *phase == Phase::Starting;
            if starting {
                *phase = Phase::Serving;
            }
            starting
        });
        Ok(base)
    }
}

async fn start_starters(base: &Base, starters: &[&'static StarterDescriptor]) -> Result<(), CompositionError> {
    let mut running: Vec<RunningStarter> = Vec::new();
    let mut started = Vec::new();
    let mut failure = None;
    for descriptor in starters {
        let context = StarterContext {
            name: descriptor.name,
            base: base.clone(),
            settings: Tree::clone(&base.settings()),
            started: started.clone(),
        };
        match not_longer_than(base.shared.lifecycle().start_deadline, (descriptor.start)(&context)).await {
            Ok(starter) => {
                started.push(((descriptor.type_id)(), starter.object.clone()));
                running.push(RunningStarter { descriptor, object: starter.object, calls: starter.calls });
            }
            Err(error) => {
                failure = Some(starter_failure(descriptor, error));
                break;
            }
        }
    }
    // What had started before a failure is set as well, so that it is stopped.
    base.shared.set_starters(running);
    failure.map_or(Ok(()), Err)
}

fn starter_failure(descriptor: &StarterDescriptor, error: anyhow::Error) -> CompositionError {
    match error.downcast::<CompositionError>() {
        Ok(list) => list,
        Err(error) => CompositionError::new(
            "start",
            vec![Problem {
                code: "starter-failed",
                what: format!("the starter `{}` did not start: {error:#}", descriptor.name),
                places: vec![Place::source(format!("the starter `{}`", descriptor.name), descriptor.site)],
                help: format!("see its settings, `[starters.{}]`: `settings` shows them", descriptor.name),
            }],
        ),
    }
}

/// Commands that two starters add, or a starter and the base itself.
fn doubled_commands(starters: &[&'static StarterDescriptor]) -> Vec<Problem> {
    let mut owners: BTreeMap<&str, Vec<Place>> = BTreeMap::new();
    for starter in starters {
        for command in starter.commands {
            let place = Place::source(format!("the starter `{}`", starter.name), starter.site);
            owners.entry(command.name()).or_default().push(place);
        }
    }
    owners
        .into_iter()
        .filter(|(name, places)| places.len() > 1 || OWN_COMMANDS.iter().any(|(own, _)| own == name))
        .map(|(name, places)| Problem {
            code: "duplicate-command",
            what: format!("the command `{name}` is there more than once"),
            places,
            help: "give the starter's command another name, or leave one of the starters out".to_owned(),
        })
        .collect()
}

/// Starters in the order of their start.
fn in_order(starters: &[&'static StarterDescriptor]) -> Result<Vec<&'static StarterDescriptor>, Problem> {
    let mut starters = starters.to_vec();
    starters.sort_by_key(|starter| (starter.order, starter.name));
    let needs: Vec<BTreeSet<usize>> = starters
        .iter()
        .map(|starter| {
            let before = starter.needs.iter().chain(starter.after);
            before
                .filter_map(|wanted| starters.iter().position(|other| (other.type_id)() == (wanted.type_id)()))
                .collect()
        })
        .collect();
    match start_order(&needs) {
        Ok(order) => Ok(order.into_iter().map(|index| starters[index]).collect()),
        Err(circles) => Err(Problem {
            code: "starter-cycle",
            what: "starters need each other in a circle".to_owned(),
            places: circles
                .iter()
                .flatten()
                .map(|index| Place::source(format!("the starter `{}`", starters[*index].name), starters[*index].site))
                .collect(),
            help: "take one of the `needs` or `after` out".to_owned(),
        }),
    }
}
