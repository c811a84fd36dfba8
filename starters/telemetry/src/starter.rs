//! The starter: joins the process's logger, and keeps it told of the modules' levels.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::anyhow;
use bedplate::{
    Composition, Content, Inspection, InstanceId, ModuleName, Provided, Question, Result, Starter, StarterContext,
    starter,
};
use serde_json::{Value, json};

use crate::logger::{Change, InvalidFilter, Logger, Standing};
use crate::modules::Modules;
use crate::recent::RecentLines;
use crate::{Level, ModuleTelemetrySettings, TelemetrySettings};

/// The question that the starter answers.
const LOGS: &str = "logs";

/// Structured logs: every line says which module and scene wrote it, and each module has a level.
///
/// The process has one logger. The first base in it installs one by its settings; further bases
/// share that, and add the levels of their modules.
#[derive(Debug)]
#[starter(name = "telemetry", early, settings = TelemetrySettings, module_settings = ModuleTelemetrySettings)]
pub struct Telemetry {
    logger: Arc<Logger>,
    /// The base's place in the logger.
    base: u64,
    modules: Mutex<Modules>,
}

impl Telemetry {
    /// Sets how much of a module is logged, in all its scenes, from now on; `None` goes back to its
    /// settings. It holds until the base ends.
    ///
    /// A level goes for what is logged while the module is at work, its libraries' events
    /// included, and for what its crate logs elsewhere.
    pub fn set_level(&self, module: &ModuleName, level: Option<Level>) {
        self.logger.change(self.base, |levels| {
            match level {
                Some(level) => levels.overriding.insert(module.clone(), level),
                None => levels.overriding.remove(module),
            };
            Change::Some
        });
    }

    /// The level that was set for a module at run time, if one was.
    #[must_use]
    pub fn level(&self, module: &ModuleName) -> Option<Level> {
        self.logger.read(self.base, |levels| levels.overriding.get(module).copied())
    }

    /// Sets what is logged of all that has no level of its own, from now on: the setting `filter`
    /// at run time. It goes for the whole process.
    ///
    /// # Errors
    ///
    /// [`InvalidFilter`] where it cannot be read. The filter is then as it was.
    pub fn set_filter(&self, filter: &str) -> Result<(), InvalidFilter> {
        self.logger.set_filter(filter)
    }

    /// The filter for all that has no level of its own.
    #[must_use]
    pub fn filter(&self) -> String {
        self.logger.filter()
    }

    /// The last lines of a module, in all its scenes, whose numbers are greater than `after` (0 for all that
    /// are kept): what its code has logged, and what the base has about it. `None` where the base does not
    /// have the module.
    ///
    /// A number greater than any that was given out is from before a restart, and gives all. Bases in one
    /// process share the logger, and the lines of modules of one name.
    #[must_use]
    pub fn recent(&self, module: &ModuleName, after: u64) -> Option<RecentLines> {
        self.logger.recent().after(self.base, module, after)
    }

    /// The same, as soon as there is such a line. Where none comes, it waits until the module is gone: give it
    /// a time limit. It may be dropped at any time.
    pub async fn follow(&self, module: &ModuleName, after: u64) -> Option<RecentLines> {
        self.logger.recent().follow(self.base, module, after).await
    }

    /// The last lines of the `module`, `after` a number; with `follow`, as soon as there are any.
    async fn logs(&self, question: &Question<'_>) -> Result<Value> {
        let parameter = |name: &str| question.parameters.get(name);
        let module = parameter("module").ok_or_else(|| anyhow!("`{LOGS}` wants a `module`"))?;
        let module = ModuleName::new(module.as_str())?;
        let after = match parameter("after") {
            Some(after) => after.parse().map_err(|_| anyhow!("`after` is the number of a line, and not `{after}`"))?,
            None => 0,
        };
        let lines = match parameter("follow").is_some_and(|follow| follow == "true") {
            true => self.follow(&module, after).await,
            false => self.recent(&module, after),
        };
        let lines = lines.ok_or_else(|| anyhow!("the base has no module `{module}`"))?;
        Ok(serde_json::to_value(lines)?)
    }

    fn modules(&self) -> MutexGuard<'_, Modules> {
        self.modules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(crate) fn logger(&self) -> &Arc<Logger> {
        &self.logger
    }
}

impl Starter for Telemetry {
    type Prepared = ();

    async fn start(ctx: &StarterContext) -> Result<Self> {
        let settings: TelemetrySettings = ctx.settings()?;
        let (logger, standing) = Logger::shared(&settings)?;
        match standing {
            Standing::Installed => {}
            Standing::Shared => tracing::debug!("the process has a logger already, which this base shares"),
            Standing::Bypassed => tracing::warn!(
                "the program has a `tracing` subscriber of its own: `[starters.telemetry]` and the levels of modules \
                 have no effect; take the subscriber out, or `starters.telemetry.enabled = false`"
            ),
        }
        let base = logger.join();
        Ok(Self { logger, base, modules: Mutex::default() })
    }

    fn provide(&self, to: &mut Provided<'_>) -> Result<()> {
        let staged = to.staged();
        self.modules().came(staged.id());
        self.logger.recent().hold(self.base, staged.module());
        let settings: ModuleTelemetrySettings = staged.module_settings("telemetry")?;
        if let Some(level) = settings.level {
            self.logger.change(self.base, |levels| {
                levels.configured.insert(staged.id().clone(), level);
                Change::Some
            });
        }
        Ok(())
    }

    async fn prepare(&self, _: &Composition) -> Result<()> {
        Ok(())
    }

    fn committed(&self, now: &Composition) {
        self.modules().serve(now.instances().map(|instance| instance.module().clone()).collect());
        let serving = now
            .instances()
            .map(|instance| (instance.id().clone(), instance.spec().site().crate_name.replace('-', "_")))
            .collect();
        self.logger.change(self.base, |levels| {
            levels.serving = serving;
            if levels.is_empty() { Change::None } else { Change::Some }
        });
    }

    async fn release(&self, instance: &InstanceId) {
        let gone = self.modules().went(instance);
        if let Some(gone) = gone {
            self.logger.recent().let_go(self.base, |module| module == gone.as_str());
        }
        self.logger.change(self.base, |levels| match levels.configured.remove(instance) {
            Some(_) => Change::Some,
            None => Change::None,
        });
    }

    fn inspect(&self, now: &Composition) -> Vec<Inspection> {
        let filter = self.logger.filter();
        let modules = self.logger.read(self.base, |levels| {
            now.instances()
                .map(|instance| {
                    let id = instance.id();
                    json!({
                        "module": id.module,
                        "scene": id.scene,
                        "configured": levels.configured.get(id),
                        "set": levels.overriding.get(&id.module),
                    })
                })
                .collect::<Vec<_>>()
        });
        let content = Content::Json(json!({ "filter": filter, "modules": modules }));
        vec![Inspection { name: "telemetry", content }]
    }

    async fn answer(&self, question: &Question<'_>) -> Option<Result<Value>> {
        if question.name == LOGS { Some(self.logs(question).await) } else { None }
    }

    async fn stop(&self) -> Result<()> {
        self.logger.leave(self.base);
        Ok(())
    }
}

/// A base that is dropped without being stopped, as tests may, leaves nothing behind either.
impl Drop for Telemetry {
    fn drop(&mut self) {
        self.logger.leave(self.base);
    }
}
