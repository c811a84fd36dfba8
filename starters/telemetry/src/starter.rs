//! The starter: joins the process's logger, and keeps it told of the modules' levels.

use std::sync::Arc;

use bedplate::{
    Composition, Content, Inspection, InstanceId, ModuleName, Provided, Result, Starter, StarterContext, starter,
};
use serde_json::json;

use crate::logger::{Change, InvalidFilter, Logger, Standing};
use crate::{Level, ModuleTelemetrySettings, TelemetrySettings};

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
        Ok(Self { logger, base })
    }

    fn provide(&self, to: &mut Provided<'_>) -> Result<()> {
        let staged = to.staged();
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
