//! What is logged: the filter for all, and the levels of modules above it.

use bedplate::isolation;
use bedplate::{InstanceId, ModuleName};
use rustc_hash::FxHashMap;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{ParseError, Targets};
use tracing_subscriber::layer::Layer;

use crate::Level;

/// Reads a filter as it is written in the settings.
pub(crate) fn parse_filter(text: &str) -> Result<Targets, ParseError> {
    text.parse()
}

/// What one base says about its modules.
#[derive(Debug, Default)]
pub(crate) struct BaseLevels {
    /// What the settings say, per instance.
    pub(crate) configured: FxHashMap<InstanceId, Level>,
    /// What was set at run time, per module.
    pub(crate) overriding: FxHashMap<ModuleName, Level>,
    /// The instances that serve, each with the name of its crate in code.
    pub(crate) serving: Vec<(InstanceId, String)>,
}

impl BaseLevels {
    /// Whether no module has a level.
    pub(crate) fn is_empty(&self) -> bool {
        self.configured.is_empty() && self.overriding.is_empty()
    }

    fn of(&self, instance: &InstanceId) -> Option<Level> {
        self.overriding.get(&instance.module).or_else(|| self.configured.get(instance)).copied()
    }
}

/// What is logged, compiled from the filter and the levels of all bases in the process. Where two
/// bases say different things about one module, the more verbose one goes.
#[derive(Debug)]
pub(crate) struct Rules {
    filter: Targets,
    by_instance: FxHashMap<InstanceId, Level>,
    by_module: FxHashMap<ModuleName, Level>,
    by_crate: FxHashMap<String, Level>,
}

impl Rules {
    pub(crate) fn compile<'a>(filter: Targets, bases: impl Iterator<Item = &'a BaseLevels>) -> Self {
        let (mut by_instance, mut by_module, mut by_crate) =
            (FxHashMap::default(), FxHashMap::default(), FxHashMap::default());
        for base in bases {
            for (instance, level) in &base.configured {
                raise(&mut by_instance, instance.clone(), *level);
            }
            for (module, level) in &base.overriding {
                raise(&mut by_module, module.clone(), *level);
            }
            for (instance, crate_name) in &base.serving {
                if let Some(level) = base.of(instance) {
                    raise(&mut by_crate, crate_name.clone(), level);
                }
            }
        }
        Self { filter, by_instance, by_module, by_crate }
    }

    /// Whether an event or a span of this level and target is logged now, on this thread.
    pub(crate) fn lets_through(&self, level: tracing::Level, target: &str) -> bool {
        match self.level_at_work() {
            Some(at_work) => at_work.lets_through(level),
            None => self.lets_through_idle(level, target),
        }
    }

    /// What `tracing` may remember about a call site.
    pub(crate) fn interest(&self, level: tracing::Level, target: &str) -> Interest {
        let idle = self.lets_through_idle(level, target);
        if self.levels().any(|at_work| at_work.lets_through(level) != idle) {
            Interest::sometimes()
        } else if idle {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    /// The most that can be logged at all.
    pub(crate) fn max_level(&self) -> LevelFilter {
        let filter = Layer::<Registry>::max_level_hint(&self.filter).unwrap_or(LevelFilter::TRACE);
        let levels = self.levels().chain(self.by_crate.values().copied()).map(Level::to_filter);
        levels.fold(filter, LevelFilter::max)
    }

    /// The level of the module that is at work on this thread, where it has one.
    fn level_at_work(&self) -> Option<Level> {
        if self.by_instance.is_empty() && self.by_module.is_empty() {
            return None;
        }
        let Some(at_work) = isolation::current() else {
            let owner = isolation::thread_owner()?;
            let of_owner = |id: &&InstanceId| id.module == owner.module && id.scene == owner.scene;
            // The thread outlives generations: the newest one's level is its own.
            let newest = self.by_instance.keys().filter(of_owner).max_by_key(|id| id.generation);
            let configured = newest.and_then(|id| self.by_instance.get(id));
            return self.by_module.get(&owner.module).or(configured).copied();
        };
        let instance = at_work.instance;
        self.by_module.get(&instance.module).or_else(|| self.by_instance.get(&instance)).copied()
    }

    /// Whether it is logged where no module with a level of its own is at work.
    fn lets_through_idle(&self, level: tracing::Level, target: &str) -> bool {
        let crate_name = target.split("::").next().unwrap_or(target);
        match self.by_crate.get(crate_name) {
            Some(of_module) => of_module.lets_through(level),
            None => self.filter.would_enable(target, &level),
        }
    }

    fn levels(&self) -> impl Iterator<Item = Level> {
        self.by_instance.values().chain(self.by_module.values()).copied()
    }
}

fn raise<K: Eq + std::hash::Hash>(levels: &mut FxHashMap<K, Level>, key: K, level: Level) {
    levels.entry(key).and_modify(|known| *known = level.max(*known)).or_insert(level);
}
