//! What a test's base is made of.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::base::Assembly;
use crate::compose::CompositionError;
use crate::deploy::Ledger;
use crate::descriptors::{ModuleName, StarterDescriptor};
use crate::module::{DeclaredModule, Module, ModuleSpec};
use crate::service::ImplementedBy;
use crate::settings::Sources;
use crate::starter::DeclaredStarter;
use crate::testing::TestBase;
use crate::testing::probe;

/// How time passes in a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    Real,
    Paused,
}

/// What a test's base is made of.
#[must_use]
pub struct TestBaseBuilder {
    starters: Vec<&'static StarterDescriptor>,
    modules: Vec<ModuleSpec>,
    settings: Vec<String>,
    sets: Vec<String>,
    pub(super) folder: Option<PathBuf>,
    ledger: Option<Arc<dyn Ledger>>,
    pub(super) clock: Clock,
}

impl TestBaseBuilder {
    pub(super) fn new() -> Self {
        Self {
            starters: Vec::new(),
            modules: Vec::new(),
            settings: Vec::new(),
            sets: Vec::new(),
            folder: None,
            ledger: None,
            clock: Clock::Real,
        }
    }

    /// Adds a starter.
    pub fn starter<S: DeclaredStarter>(mut self) -> Self {
        self.starters.push(S::DESCRIPTOR);
        self
    }

    /// Adds the module that `#[module]` declared on `M`.
    pub fn module<M: DeclaredModule>(self) -> Self {
        self.with(ModuleSpec::of::<M>())
    }

    /// Adds a module that was made by hand.
    pub fn with(mut self, module: ModuleSpec) -> Self {
        self.modules.push(module);
        self
    }

    /// Adds settings, as the text of a `bedplate.toml`. Later ones go above earlier ones.
    pub fn settings(mut self, toml: impl Into<String>) -> Self {
        self.settings.push(toml.into());
        self
    }

    /// Sets one setting, above all others: `drain.deadline=1s`.
    pub fn set(mut self, assignment: impl Into<String>) -> Self {
        self.sets.push(assignment.into());
        self
    }

    /// The folder that relative paths in settings start from; by default one of the test's own, removed with it.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Keeps the record of what the base serves.
    pub fn ledger(mut self, ledger: impl Ledger) -> Self {
        self.ledger = Some(Arc::new(ledger));
        self
    }

    /// Lets time stand still: it moves by [`TestBase::advance`] and by nothing else, however long
    /// a database or another thread takes.
    ///
    /// Tokio alone would advance a paused clock whenever its own tasks wait, for example for
    /// SQLite's thread, and fire timeouts that nobody reached.
    pub fn paused_time(mut self) -> Self {
        self.clock = Clock::Paused;
        self
    }

    pub(super) fn publish<S: ImplementedBy<T> + ?Sized, T: Send + Sync + 'static>(&mut self, fake: T) {
        self.modules.push(substitute::<S, T>(fake));
    }

    pub(super) fn assemble(&self) -> Result<Assembly, CompositionError> {
        // By name, once: that two starters have one name is for `check` to say.
        let starters: BTreeMap<_, _> = self.starters.iter().map(|starter| (starter.name, starter)).collect();
        let defaults =
            starters.values().map(|starter| format!("[starters.{}]\n{}\n", starter.name, starter.test_settings));
        let sources = Sources::new().text("the starters' settings for tests", defaults.collect::<String>());
        let sources =
            self.settings.iter().enumerate().fold(sources, |sources, (index, text)| {
                sources.text(format!("settings {} of the test", index + 1), text)
            });
        let sources = self.sets.iter().cloned().fold(sources, Sources::set);
        let settings = sources.clone().load().map_err(CompositionError::from_settings)?;
        let folder = self.folder.clone().unwrap_or_else(std::env::temp_dir);
        let mut assembly = Assembly::new(settings, folder).sources(sources);
        assembly.starters.clone_from(&self.starters);
        assembly.ledger.clone_from(&self.ledger);
        for module in self.modules.iter().cloned().chain([probe::spec()]) {
            assembly = assembly.module(module);
        }
        Ok(assembly)
    }
}

impl TestBase {
    /// Begins a base of nothing.
    pub fn builder() -> TestBaseBuilder {
        TestBaseBuilder::new()
    }
}

/// A module that publishes nothing but `fake`, as the contract `S`.
pub(super) fn substitute<S: ImplementedBy<T> + ?Sized, T: Send + Sync + 'static>(fake: T) -> ModuleSpec {
    let object = S::from_object(Arc::new(fake));
    let name = substitute_name(S::CONTRACT.name);
    let spec = ModuleSpec::plain(name.as_str(), |_| Ok(Substitute)).expect("the name was made to be valid");
    spec.publishing_object::<S>(object)
}

fn substitute_name(contract: &str) -> ModuleName {
    let kebab: String = contract
        .chars()
        .flat_map(|letter| {
            let dash = letter.is_ascii_uppercase().then_some('-');
            dash.into_iter().chain([letter.to_ascii_lowercase()])
        })
        .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
        .take(48)
        .collect();
    ModuleName::new(&format!("fake{kebab}")).expect("letters, digits and dashes after a letter")
}

struct Substitute;

impl Module for Substitute {}
