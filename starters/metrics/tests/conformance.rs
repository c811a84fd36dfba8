//! The starter behaves as bases and modules rely on.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use bedplate::testing::conformance::{Look, Subject};
use bedplate::{Module, ModuleSpec, Result};
use bedplate_starter_metrics::Metrics;

/// Is counted.
struct Counted;

impl Module for Counted {}

struct MetricsAreTried;

impl Subject for MetricsAreTried {
    type Starter = Metrics;

    fn module(name: &str) -> ModuleSpec {
        ModuleSpec::plain(name, |_| Ok(Counted)).unwrap()
    }

    async fn seen(at: &Look<'_>) -> Result<Vec<String>> {
        let metrics = at.base().starter::<Metrics>().await?;
        let text = metrics.render(&at.running().pin());
        let labels = [format!("module=\"{}\"", at.module()), format!("scene=\"{}\"", at.scene().as_str())];
        let series = text.lines().filter(|line| labels.iter().all(|label| line.contains(label.as_str())));
        // Series have no generation: a swap must not begin new ones.
        Ok(series.map(|_| at.member()).collect())
    }

    fn refused_settings() -> Vec<String> {
        ["buckets = []", "buckets = [2.0, 1.0]", "own_buckets = [1.0, 1.0]"]
            .map(|line| format!("[starters.metrics]\n{line}"))
            .into()
    }

    fn refused_module(_: &str) -> Option<ModuleSpec> {
        None
    }
}

bedplate::conformance!(MetricsAreTried);
