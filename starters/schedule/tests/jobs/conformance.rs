//! The starter behaves as bases and modules rely on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bedplate::testing::conformance::{Look, Subject};
use bedplate::{Exports, InstanceId, Module, ModuleSpec, Result};
use bedplate_starter_schedule::{Job, ScheduleExt, ScheduleStarter};

/// Has a job of one name, which notes that it ran.
struct Works {
    id: InstanceId,
    ran: Mutex<Vec<String>>,
}

impl Works {
    async fn work(&self) {
        self.ran.lock().unwrap().push(self.id.to_string());
    }
}

impl Module for Works {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        to.job(Job::every("work", Duration::from_millis(1)), self, Self::work);
    }
}

/// Has two jobs of one name.
struct Twice;

impl Twice {
    async fn work(&self) {}
}

impl Module for Twice {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        let daily = || Job::cron("work", "@daily");
        to.job(daily(), self, Self::work).job(daily(), self, Self::work);
    }
}

struct ScheduleIsTried;

impl Subject for ScheduleIsTried {
    type Starter = ScheduleStarter;

    fn module(name: &str) -> ModuleSpec {
        let make =
            |fields: &bedplate::Fields<'_>| Ok(Works { id: fields.context().id().clone(), ran: Mutex::default() });
        ModuleSpec::plain(name, make).unwrap()
    }

    async fn seen(at: &Look<'_>) -> Result<Vec<String>> {
        let mut seen: Vec<_> = at.shown("jobs").iter().map(|_| at.member()).collect();
        if let Some(module) = at.object::<Works>() {
            // It is due in a moment, and only a job that the starter runs comes.
            while module.ran.lock().unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            seen.append(&mut module.ran.lock().unwrap());
        }
        Ok(seen)
    }

    fn refused_settings() -> Vec<String> {
        vec!["[starters.schedule]\njitter = \"a little\"".to_owned()]
    }

    fn refused_module(name: &str) -> Option<ModuleSpec> {
        Some(ModuleSpec::plain(name, |_| Ok(Twice)).unwrap())
    }
}

bedplate::conformance!(ScheduleIsTried);
