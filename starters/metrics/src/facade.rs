//! The recorder behind the `metrics` facade: one for the process, which all bases in it share.

use std::sync::OnceLock;

use bedplate::Result;
use bedplate::isolation;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Metadata, Recorder, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::MetricsSettings;

/// What the first base in this process found out: its recorder, or that there is another one.
static PROCESS: OnceLock<Facade> = OnceLock::new();

/// The recorder of the process.
#[derive(Debug, Clone)]
pub(crate) enum Facade {
    /// Ours: this renders what it has recorded.
    Ours(PrometheusHandle),
    /// The program has installed one of its own.
    Foreign,
}

impl Facade {
    /// The recorder of this process; installs one by these settings where there is none.
    pub(crate) fn shared(settings: &MetricsSettings) -> Result<Self> {
        if let Some(facade) = PROCESS.get() {
            return Ok(facade.clone());
        }
        let mut builder = PrometheusBuilder::new();
        if let Some(buckets) = &settings.own_buckets {
            builder = builder.set_buckets(buckets)?;
        }
        Ok(PROCESS.get_or_init(|| install(builder, settings)).clone())
    }

    /// Says where recorded numbers go, where that is not here.
    pub(crate) fn tell(&self) {
        if matches!(self, Self::Foreign) {
            tracing::warn!(
                "the program has a recorder of its own for the `metrics` crate: what modules record goes there, and is \
                 not shown under `/metrics`"
            );
        }
    }

    /// Moves what was recorded since the last time where it takes no more room.
    pub(crate) fn run_upkeep(&self) {
        if let Self::Ours(handle) = self {
            handle.run_upkeep();
        }
    }

    /// What modules have recorded, in the text format.
    pub(crate) fn render(&self) -> String {
        match self {
            Self::Ours(handle) => handle.render(),
            Self::Foreign => String::new(),
        }
    }
}

fn install(builder: PrometheusBuilder, settings: &MetricsSettings) -> Facade {
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    let installed = match settings.label_modules {
        true => metrics::set_global_recorder(Labelled(recorder)).is_ok(),
        false => metrics::set_global_recorder(recorder).is_ok(),
    };
    if installed { Facade::Ours(handle) } else { Facade::Foreign }
}

/// Adds the module at work and its scene to what is recorded.
struct Labelled(PrometheusRecorder);

impl Labelled {
    fn of_module<T>(&self, key: &Key, register: impl FnOnce(&PrometheusRecorder, &Key) -> T) -> T {
        let Some(at_work) = isolation::current() else { return register(&self.0, key) };
        let (module, scene) = (at_work.instance.module, at_work.instance.scene);
        let mut labels = Vec::with_capacity(2);
        for (name, value) in [("module", module.as_str()), ("scene", scene.as_str())] {
            if key.labels().all(|label| label.key() != name) {
                labels.push(Label::new(name, value.to_owned()));
            }
        }
        register(&self.0, &key.with_extra_labels(labels))
    }
}

impl Recorder for Labelled {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.0.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.0.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.0.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.of_module(key, |recorder, key| recorder.register_counter(key, metadata))
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.of_module(key, |recorder, key| recorder.register_gauge(key, metadata))
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.of_module(key, |recorder, key| recorder.register_histogram(key, metadata))
    }
}
