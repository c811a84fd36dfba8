//! The settings that the core itself reads.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use crate::Result;
use crate::compose::CompositionError;
use crate::deploy::RestartPolicy;
use crate::descriptors::{ModuleName, Presence};
use crate::module::ModuleSpec;
use crate::scene::SceneName;
use crate::settings::{ByteSize, KeyPath, Schema, Settings, Tree};

/// `[lifecycle]`: how long a start and a stop may take.
#[derive(Debug, Clone, Copy, Settings)]
pub(crate) struct LifecycleSettings {
    /// How long a module's start, and each step beside it, may take.
    #[setting(default = Duration::from_secs(30))]
    pub(crate) start_deadline: Duration,
    /// How long a module may take to say whether it is ready, when `/readyz` asks.
    #[setting(default = Duration::from_secs(2))]
    pub(crate) ready_deadline: Duration,
    /// How long a module's or a starter's stop may take.
    #[setting(default = Duration::from_secs(10))]
    pub(crate) stop_deadline: Duration,
    /// How long a module's migrations may take; a base that ends does not wait for them.
    #[setting(default = Duration::from_secs(600))]
    pub(crate) migrate_deadline: Duration,
}

/// `[drain]`: how a base, or a generation, comes to its end.
#[derive(Debug, Clone, Copy, Settings)]
pub(crate) struct DrainSettings {
    /// How long `/readyz` says 503 before the base stops accepting, so that balancers notice.
    #[setting(default = Duration::ZERO)]
    pub(crate) grace: Duration,
    /// How long requests, streams and tasks may take to end; then they are cancelled and named.
    #[setting(default = Duration::from_secs(30))]
    pub(crate) deadline: Duration,
}

/// `[restart]`: what happens to a module whose task or start failed.
#[derive(Debug, Clone, Settings)]
pub(crate) struct RestartSettings {
    /// How many restarts are tried before the module is given up.
    #[setting(default = 5)]
    pub(crate) attempts: u32,
    /// The wait before the first restart; it doubles with each.
    #[setting(default = Duration::from_secs(1))]
    pub(crate) initial: Duration,
    /// The longest wait.
    #[setting(default = Duration::from_secs(60))]
    pub(crate) longest: Duration,
    /// After this time without a failure, counting begins anew.
    #[setting(default = Duration::from_secs(600))]
    pub(crate) reset_after: Duration,
}

impl From<RestartSettings> for RestartPolicy {
    fn from(settings: RestartSettings) -> Self {
        Self {
            attempts: settings.attempts,
            initial: settings.initial,
            longest: settings.longest,
            reset_after: settings.reset_after,
        }
    }
}

/// `[deploy]`: how modules are replaced while the base serves, and what is kept of them.
#[derive(Debug, Clone, Settings)]
pub(crate) struct DeploySettings {
    /// The folder of what the base keeps: its socket, artifacts, loaded generations, the journal. A relative path
    /// starts from the folder of the settings file.
    #[setting(default = PathBuf::from("state"))]
    pub(crate) folder: PathBuf,
    /// How long what was replaced stays warm, so that a rollback is one more swap.
    #[setting(default = Duration::from_secs(30))]
    pub(crate) bake: Duration,
    /// How many artifacts of each module are kept for a rollback after that time.
    #[setting(default = 10, range = 1..)]
    pub(crate) keep: usize,
    /// How long an entry may wait at the gate of a module that is being replaced by one that takes over its
    /// state, or that is exclusive.
    #[setting(default = Duration::from_secs(5))]
    pub(crate) hold: Duration,
    /// How large the state may be that one generation of a module hands over to the next.
    #[setting(default = "64MiB")]
    pub(crate) hand_over_limit: ByteSize,
    /// Budgets of what replaced generations leave in the process: code is never unloaded.
    #[setting(nested)]
    pub(crate) retired: RetiredSettings,
    /// Crates whose constructors may run when an object is loaded, and libraries (`libfoo.so.1`) that may be loaded with
    /// it; an object with others is refused.
    #[setting(default = Vec::new())]
    pub(crate) allow_constructors: Vec<String>,
    /// Keys that may sign artifacts which arrive over the network: `{ name = "ci", key = "RW…", modules = ["comments"] }`.
    #[setting(default = Vec::new())]
    pub(crate) trusted_keys: Vec<TrustedKey>,
}

/// `[deploy.retired]`: how much retired generations may hold before the base takes no new ones. It warns before.
#[derive(Debug, Clone, Settings)]
pub(crate) struct RetiredSettings {
    /// How many retired generations may stay loaded.
    #[setting(default = 12_000)]
    pub(crate) count: u64,
    /// How much memory of their own they may hold.
    #[setting(default = "1GiB")]
    pub(crate) anonymous: ByteSize,
    /// How many memory mappings the process may have; Linux allows 65,530 by default.
    #[setting(default = 60_000)]
    pub(crate) mappings: u64,
    /// How much disk their files may take.
    #[setting(default = "16GiB")]
    pub(crate) disk: ByteSize,
}

/// A key that may sign artifacts.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TrustedKey {
    /// Its name, for the history.
    pub(crate) name: String,
    /// The public key, as minisign prints it.
    pub(crate) key: String,
    /// The modules that it may sign for.
    pub(crate) modules: Vec<String>,
}

/// What the core reads below `[modules.<module>]`, beside the module's own settings.
#[derive(Debug, Clone, Settings)]
pub(crate) struct ModuleCoreSettings {
    /// Whether the module is part of the base.
    #[setting(default = true)]
    pub(crate) enabled: bool,
    /// Whether the base starts without the module where it fails; by default as `#[module]` says.
    pub(crate) optional: Option<bool>,
    /// How long its start may take; by default `lifecycle.start_deadline`.
    pub(crate) start_deadline: Option<Duration>,
}

/// What the core reads below `[starters.<starter>]`, beside the starter's own settings.
#[derive(Debug, Clone, Settings)]
pub(crate) struct StarterCoreSettings {
    /// Whether the starter is part of the base.
    #[setting(default = true)]
    pub(crate) enabled: bool,
}

/// All that the core reads.
#[derive(Debug, Clone)]
pub(crate) struct CoreSettings {
    pub(crate) lifecycle: LifecycleSettings,
    pub(crate) drain: DrainSettings,
    pub(crate) restart: RestartSettings,
    pub(crate) deploy: DeploySettings,
}

impl CoreSettings {
    /// The sections that the core reads, with their keys.
    pub(crate) fn sections() -> [(&'static str, Schema); 4] {
        [
            ("lifecycle", LifecycleSettings::schema()),
            ("drain", DrainSettings::schema()),
            ("restart", RestartSettings::schema()),
            ("deploy", DeploySettings::schema()),
        ]
    }

    pub(crate) fn read(tree: &Tree, problems: &mut Vec<crate::settings::SettingProblem>) -> Option<Self> {
        let lifecycle = tree.read(&[KeyPath::of(["lifecycle"])], problems);
        let drain = tree.read(&[KeyPath::of(["drain"])], problems);
        let restart = tree.read(&[KeyPath::of(["restart"])], problems);
        let deploy = tree.read(&[KeyPath::of(["deploy"])], problems);
        Some(Self { lifecycle: lifecycle?, drain: drain?, restart: restart?, deploy: deploy? })
    }
}

/// The settings of a composition, and what the core has read of them.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) tree: Arc<Tree>,
    pub(crate) core: CoreSettings,
}

impl Configuration {
    pub(crate) fn new(tree: Arc<Tree>, core: CoreSettings) -> Arc<Self> {
        Arc::new(Self { tree, core })
    }

    /// The settings of one module in one scene.
    pub(crate) fn module<'a>(&'a self, module: &'a ModuleName, scene: &'a SceneName) -> ModuleSettings<'a> {
        ModuleSettings { tree: &self.tree, module, scene }
    }

    pub(crate) fn start_deadline(&self, module: &ModuleName) -> Duration {
        self.module_core(module).and_then(|core| core.start_deadline).unwrap_or(self.core.lifecycle.start_deadline)
    }

    pub(crate) fn presence(&self, spec: &ModuleSpec) -> Presence {
        match self.module_core(&spec.name).and_then(|core| core.optional) {
            Some(true) => Presence::Optional,
            Some(false) => Presence::Required,
            None => spec.presence,
        }
    }

    /// Whether the settings want a module of this name.
    pub(crate) fn is_enabled(&self, module: &ModuleName) -> bool {
        self.module_core(module).is_none_or(|core| core.enabled)
    }

    /// Read anew each time: what is wrong with it has been reported by the check.
    fn module_core(&self, module: &ModuleName) -> Option<ModuleCoreSettings> {
        self.tree.read(&[KeyPath::of(["modules", module.as_str()])], &mut Vec::new())
    }
}

/// The settings of one module in one scene.
#[derive(Debug, Clone, Copy)]
pub struct ModuleSettings<'a> {
    pub(crate) tree: &'a Tree,
    pub(crate) module: &'a ModuleName,
    pub(crate) scene: &'a SceneName,
}

impl ModuleSettings<'_> {
    /// The module's own settings: `[modules.<module>]`, and `[scenes.<scene>.modules.<module>]` above it.
    ///
    /// # Errors
    ///
    /// All that is wrong with them.
    pub fn read<S: Settings>(&self) -> Result<S> {
        self.read_at(None)
    }

    /// The module's settings for a starter: `[modules.<module>.<starter>]`, and the scene's above it.
    ///
    /// # Errors
    ///
    /// All that is wrong with them.
    pub fn read_section<S: Settings>(&self, starter: &str) -> Result<S> {
        self.read_at(Some(starter))
    }

    fn read_at<S: Settings>(&self, section: Option<&str>) -> Result<S> {
        let mut problems = Vec::new();
        let paths = self.paths(section);
        self.tree.read(&paths, &mut problems).ok_or_else(|| CompositionError::from_settings(problems).into())
    }

    pub(crate) fn paths(&self, section: Option<&str>) -> [KeyPath; 2] {
        let module = self.module.as_str();
        let paths = [KeyPath::of(["modules", module]), KeyPath::of(["scenes", self.scene.as_str(), "modules", module])];
        paths.map(|path| section.map_or(path.clone(), |section| path.join(section)))
    }
}
