//! The query log: every statement at debug, slow ones as warnings, each known to be its module's.

use std::fmt::Debug;
use std::sync::mpsc::{Receiver, Sender, channel};

use bedplate::isolation::{ThreadOwner, thread_owner};
use bedplate::testing::run;
use bedplate::{SceneName, isolation};
use tempfile::tempdir;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::notes::{NOTES, builder, name, notes};

/// One line of the query log: its level, its statement, and whose thread wrote it.
type Logged = (Level, String, Option<ThreadOwner>);

struct Queries(Sender<Logged>);

impl<S: Subscriber> Layer<S> for Queries {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            let mut summary = Summary(String::new());
            event.record(&mut summary);
            let owner = isolation::current()
                .map(|current| ThreadOwner { module: current.instance.module, scene: current.instance.scene });
            // The test may have seen enough.
            let _ = self.0.send((*event.metadata().level(), summary.0, owner.or_else(thread_owner)));
        }
    }
}

struct Summary(String);

impl Visit for Summary {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "summary" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// The log of all tests of this program that ask for it. SQLite's threads are not the test's, so
/// the subscriber is the process's; each test looks for what its own module wrote.
fn logged() -> Receiver<Logged> {
    let (lines, logged) = channel();
    let subscriber = tracing_subscriber::registry().with(Queries(lines));
    tracing::subscriber::set_global_default(subscriber).expect("one test sets it");
    logged
}

#[test]
fn queries_are_logged_as_their_modules_and_slow_ones_warn() {
    let logged = logged();
    for (module, slow, level) in [("quick", "1h", Level::DEBUG), ("slow", "0s", Level::WARN)] {
        let folder = tempdir().unwrap();
        let (out, databases) = channel();
        let base = builder(&folder).set(format!("starters.sql.slow_query={slow}"));
        run(base.with(notes(module, &[NOTES], &out)), |base| async move {
            base.running().await.unwrap();
            let db = databases.recv().unwrap();
            sqlx::query("SELECT 'asked'").fetch_one(&*db).await.unwrap();
        });
        let owner = Some(ThreadOwner { module: name(module), scene: SceneName::main() });
        let lines: Vec<_> = logged.try_iter().filter(|(_, _, of)| *of == owner).collect();
        for statement in ["SELECT 'asked'", "CREATE TABLE notes"] {
            let found = lines.iter().find(|(_, line, _)| line.starts_with(statement));
            let found = found.unwrap_or_else(|| panic!("`{statement}` of `{module}` in {lines:?}"));
            assert_eq!(found.0, level, "{statement}");
        }
    }
}
