//! The base itself, and the module in it that measures.

use std::fmt::Write as _;

use super::{File, Names, TICKER, package};

/// The package of the base.
pub(super) const PACKAGE: &str = "generated-base";

/// The base's crate, with all modules, and the one that measures.
pub(super) fn files(modules: &[Names]) -> Vec<File> {
    let mut manifest = package(PACKAGE, "A generated base.", None);
    for starter in ["", "-starter-admin", "-starter-http", "-starter-telemetry"] {
        let _ = writeln!(manifest, "bedplate{starter}.workspace = true");
    }
    for module in modules.iter().map(|names| names.module.as_str()).chain([TICKER]) {
        let _ = writeln!(manifest, "{module} = {{ path = \"../modules/{module}\" }}");
    }
    let ticker = package(TICKER, "Module: measures how long the runtime keeps a task waiting.", Some("module"))
        + "axum.workspace = true\nbedplate-starter-http.workspace = true\nbedplate.workspace = true\n\
           tokio = { workspace = true, features = [\"time\"] }\n";
    vec![
        ("base/Cargo.toml".to_owned(), manifest),
        ("base/src/main.rs".to_owned(), MAIN.to_owned()),
        ("base/bedplate.toml".to_owned(), SETTINGS.to_owned()),
        (format!("modules/{TICKER}/Cargo.toml"), ticker),
        (format!("modules/{TICKER}/src/lib.rs"), TICKING.to_owned()),
    ]
}

const MAIN: &str = "//! A generated base.\n\n#![forbid(unsafe_code)]\n\nbedplate::base!();\n";

const SETTINGS: &str = "\
# The settings of a generated base.

[starters.http]
address = \"127.0.0.1:8080\"
# Requests are measured from outside; a line for each would be measured too.
access_log = false

[starters.admin]
address = \"127.0.0.1:0\"

[starters.telemetry]
filter = \"warn\"
";

const TICKING: &str = r#"//! Measures how long the runtime keeps a task waiting that wants to run every millisecond.

#![forbid(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use bedplate::{Exports, Module};
use bedplate_starter_http::RoutesExt;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often it wants to run.
const PERIOD: Duration = Duration::from_millis(1);

/// Measures how long the runtime keeps a task waiting.
#[bedplate::module]
pub struct Ticker {
    #[own]
    longest: Arc<AtomicU64>,
}

impl Module for Ticker {
    fn exports(self: &Arc<Self>, to: &mut Exports) {
        let longest = self.longest.clone();
        to.task("tick", move || tick(longest.clone()));
        to.routes(Router::new().route("/ticker/longest", get(longest_gap)).with_state(self.clone()));
    }
}

async fn tick(longest: Arc<AtomicU64>) {
    let mut interval = interval(PERIOD);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = Instant::now();
    loop {
        interval.tick().await;
        let gap = u64::try_from(last.elapsed().as_micros()).unwrap_or(u64::MAX);
        longest.fetch_max(gap, Ordering::Relaxed);
        last = Instant::now();
    }
}

/// The longest gap in microseconds, since it was asked for last.
async fn longest_gap(State(ticker): State<Arc<Ticker>>) -> String {
    ticker.longest.swap(0, Ordering::Relaxed).to_string()
}
"#;
