//! The starter behaves as bases and modules rely on.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use bedplate::testing::TestBaseBuilder;
use bedplate::testing::conformance::{Look, Subject};
use bedplate::{Module, ModuleContext, ModuleSpec, Result};
use bedplate_starter_telemetry::Telemetry;

/// Logs.
struct Logs;

impl Module for Logs {
    async fn start(&self, ctx: &ModuleContext) -> Result<()> {
        tracing::info!("the conformance suite was here: {}", ctx.id());
        Ok(())
    }
}

struct TelemetryIsTried;

impl Subject for TelemetryIsTried {
    type Starter = Telemetry;

    fn base(with: TestBaseBuilder) -> TestBaseBuilder {
        with.settings("[starters.telemetry]\nfilter = \"error,conformance=info\"")
    }

    fn module(name: &str) -> ModuleSpec {
        ModuleSpec::plain(name, |_| Ok(Logs)).unwrap()
    }

    async fn seen(at: &Look<'_>) -> Result<Vec<String>> {
        let shown = at.shown("telemetry");
        if let Some(module) = at.object::<Logs>() {
            drop(module);
            // The process has one log, so its lines are those of all bases: only that there are any is looked at.
            let lines = at.base().starter::<Telemetry>().await?.recent(at.module(), 0).unwrap_or_default().lines;
            let logged = |text: &str| text.contains(&format!("was here: {}#", at.member()));
            anyhow::ensure!(lines.iter().any(|line| logged(&line.text)), "no line of {} is kept", at.member());
        }
        Ok(shown.iter().map(|_| at.member()).collect())
    }

    fn refused_settings() -> Vec<String> {
        ["format = \"prose\"", "filter = \"conformance=loud\"", "recent_lines = 1_000_000"]
            .map(|line| format!("[starters.telemetry]\n{line}"))
            .into()
    }

    fn refused_module(_: &str) -> Option<ModuleSpec> {
        None
    }
}

bedplate::conformance!(TelemetryIsTried);
