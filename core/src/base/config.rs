//! The settings that the core itself reads.

use std::time::Duration;

use crate::Result;
use crate::compose::CompositionError;
use crate::deploy::RestartPolicy;
use crate::descriptors::ModuleName;
use crate::scene::SceneName;
use crate::settings::{KeyPath, Schema, Settings, Tree};

/// `[lifecycle]`: how long a start and a stop may take.
#[derive(Debug, Clone, Settings)]
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
}

/// `[drain]`: how a base, or a generation, comes to its end.
#[derive(Debug, Clone, Settings)]
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
}

impl CoreSettings {
    /// The sections that the core reads, with their keys.
    pub(crate) fn sections() -> [(&'static str, Schema); 3] {
        [
            ("lifecycle", LifecycleSettings::schema()),
            ("drain", DrainSettings::schema()),
            ("restart", RestartSettings::schema()),
        ]
    }

    pub(crate) fn read(tree: &Tree, problems: &mut Vec<crate::settings::SettingProblem>) -> Option<Self> {
        let lifecycle = tree.read(&[KeyPath::of(["lifecycle"])], problems);
        let drain = tree.read(&[KeyPath::of(["drain"])], problems);
        let restart = tree.read(&[KeyPath::of(["restart"])], problems);
        Some(Self { lifecycle: lifecycle?, drain: drain?, restart: restart? })
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

    pub(super) fn paths(&self, section: Option<&str>) -> [KeyPath; 2] {
        let module = self.module.as_str();
        let paths = [KeyPath::of(["modules", module]), KeyPath::of(["scenes", self.scene.as_str(), "modules", module])];
        paths.map(|path| section.map_or(path.clone(), |section| path.join(section)))
    }
}
