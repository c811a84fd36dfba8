//! The base's own series: read from its modules at the moment of the scrape.

use std::sync::Arc;
use std::time::Duration;

use bedplate::base::Phase;
use bedplate::isolation::StatsSnapshot;
use bedplate::{Composition, Instance, ModuleState};

use crate::exposition::{Exposition, Family, Kind, Label};
use crate::histogram::{Histogram, HistogramSnapshot};
use crate::timing::{KINDS, Timing};

/// A number per module and scene: its name, what it is, its help, and where it is read.
type Counted = (&'static str, Kind, &'static str, fn(&StatsSnapshot) -> u64);

#[rustfmt::skip] // One line each, as in a table.
const COUNTED: [Counted; 15] = [
    ("bedplate_module_requests_total", Kind::Counter, "Requests that entered the module.", |stats| stats.requests),
    ("bedplate_module_jobs_total", Kind::Counter, "Jobs of the module that ran.", |stats| stats.jobs),
    ("bedplate_module_messages_total", Kind::Counter, "Messages that entered the module.", |stats| stats.messages),
    ("bedplate_module_calls_total", Kind::Counter, "Service calls that entered the module.", |stats| stats.calls),
    ("bedplate_module_in_flight", Kind::Gauge, "Entries and service calls that are inside the module now.", |stats| stats.in_flight),
    ("bedplate_module_tasks", Kind::Gauge, "Tasks of the module that run now.", |stats| stats.tasks),
    ("bedplate_module_streams", Kind::Gauge, "Streams of the module that are open now.", |stats| stats.streams),
    ("bedplate_module_panics_total", Kind::Counter, "Panics of the module that were caught.", |stats| stats.panics),
    ("bedplate_module_deadlines_total", Kind::Counter, "Entries and service calls that met their deadline.", |stats| stats.deadlines),
    ("bedplate_module_cancelled_total", Kind::Counter, "Entries and tasks that a drain cancelled.", |stats| stats.cancelled),
    ("bedplate_module_refused_total", Kind::Counter, "Entries and service calls that were refused.", |stats| stats.refused),
    ("bedplate_module_abandoned_total", Kind::Counter, "Entries and service calls whose caller went away.", |stats| stats.abandoned),
    ("bedplate_module_waiting", Kind::Gauge, "Entries and service calls that wait at the gate now, since the module is being replaced.", |stats| stats.waiting),
    ("bedplate_module_held_total", Kind::Counter, "Entries and service calls that have waited at the gate.", |stats| stats.held),
    ("bedplate_module_restarts_total", Kind::Counter, "Restarts of the module after a failure.", |stats| stats.restarts),
];

const STATES: [ModuleState; 7] = [
    ModuleState::Resolved,
    ModuleState::Starting,
    ModuleState::Active,
    ModuleState::Warm,
    ModuleState::Draining,
    ModuleState::Stopped,
    ModuleState::Failed,
];

const PHASES: [(Phase, &str); 4] = [
    (Phase::Starting, "starting"),
    (Phase::Serving, "serving"),
    (Phase::Draining, "draining"),
    (Phase::Stopped, "stopped"),
];

/// Writes all series of a base.
pub(crate) fn write(to: &mut Exposition, now: &Composition, phase: Phase, timing: &Timing) {
    let instances: Vec<_> = now.instances().collect();
    write_base(to, now, phase);
    let stats: Vec<_> = instances.iter().map(|instance| instance.stats().snapshot()).collect();
    for (name, kind, help, read) in COUNTED {
        let mut family = to.family(name, kind, help);
        for (instance, stats) in instances.iter().zip(&stats) {
            family.sample(&whose(instance), read(stats));
        }
    }
    let mut family = to.family(
        "bedplate_module_longest_hold_seconds",
        Kind::Gauge,
        "The longest that anything has waited at the gate, in seconds.",
    );
    for (instance, stats) in instances.iter().zip(&stats) {
        family.sample(&whose(instance), Duration::from_micros(stats.longest_wait_us).as_secs_f64());
    }
    write_states(to, &instances);
    write_durations(to, &instances, timing);
}

fn write_base(to: &mut Exposition, now: &Composition, phase: Phase) {
    to.family("bedplate_composition_number", Kind::Gauge, "The number of the composition that serves.")
        .sample(&[], now.number());
    let mut family = to.family(
        "bedplate_base_phase",
        Kind::Gauge,
        "Where the base is in its life: 1 for its phase, 0 for the others.",
    );
    for (known, name) in PHASES {
        family.sample(&[("phase", name)], u8::from(known == phase));
    }
}

fn write_states(to: &mut Exposition, instances: &[&Arc<Instance>]) {
    let mut family = to.family(
        "bedplate_module_state",
        Kind::Gauge,
        "Where the module is in its life: 1 for its state, 0 for the others.",
    );
    for instance in instances {
        let [module, scene] = whose(instance);
        let state = instance.state();
        for known in STATES {
            family.sample(&[module, scene, ("state", known.as_str())], u8::from(known == state));
        }
    }
    let mut family = to.family(
        "bedplate_module_generation",
        Kind::Gauge,
        "The generation of the module that serves, counted from 1.",
    );
    for instance in instances {
        family.sample(&whose(instance), instance.id().generation);
    }
}

fn write_durations(to: &mut Exposition, instances: &[&Arc<Instance>], timing: &Timing) {
    let mut family = to.family(
        "bedplate_entry_duration_seconds",
        Kind::Histogram,
        "How long requests, jobs and messages took inside the module, in seconds.",
    );
    for instance in instances {
        let Some(durations) = timing.of(instance.id()) else { continue };
        let [module, scene] = whose(instance);
        for kind in KINDS {
            let snapshot = durations.of(kind).map(Histogram::snapshot);
            // A module without jobs needs no empty histogram of them.
            if let Some(snapshot) = snapshot.filter(|snapshot| snapshot.count > 0) {
                write_histogram(&mut family, [module, scene, ("kind", kind.as_str())], &snapshot);
            }
        }
    }
}

fn write_histogram(family: &mut Family<'_>, labels: [Label<'_>; 3], snapshot: &HistogramSnapshot) {
    let [module, scene, kind] = labels;
    for (bound, count) in &snapshot.buckets {
        family.part("_bucket", &[module, scene, kind, ("le", &bound.to_string())], count);
    }
    family.part("_bucket", &[module, scene, kind, ("le", "+Inf")], snapshot.count);
    family.part("_sum", &labels, snapshot.sum.as_secs_f64());
    family.part("_count", &labels, snapshot.count);
}

fn whose(instance: &Instance) -> [Label<'_>; 2] {
    [("module", instance.module().as_str()), ("scene", instance.scene().as_str())]
}
