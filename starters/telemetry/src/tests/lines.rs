//! What a line of the log carries.

use bedplate::{Module, ModuleContext, ModuleSpec, Result};
use tracing::Instrument;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt;

use super::{Captured, base, captured, inside};
use crate::Format;
use crate::layer::LogLayer;

#[tokio::test]
async fn what_a_module_logs_says_which_module_and_scene() {
    let base = base(&["orders", "stock"], "").await;
    inside(&base, "orders", async { tracing::info!(order = 7, paid = true, "taken") }).await;
    inside(&base, "stock", async { tracing::info!("reserved") }).await;
    let orders = captured().of_module("orders");
    assert_eq!(orders.len(), 1, "{orders:?}");
    assert_eq!(orders[0]["message"], "taken");
    assert_eq!(orders[0]["scene"], "main");
    assert_eq!(orders[0]["generation"], 1);
    assert_eq!(orders[0]["level"], "INFO");
    assert_eq!(orders[0]["fields"], serde_json::json!({ "order": 7, "paid": true }));
    assert_eq!(captured().messages_of("stock"), ["reserved"]);
}

#[tokio::test]
async fn a_task_and_a_start_are_the_modules_own() {
    struct Busy;
    impl Module for Busy {
        async fn start(&self, ctx: &ModuleContext) -> Result<()> {
            tracing::info!("starting");
            ctx.spawn("working", async { tracing::info!("working") });
            Ok(())
        }
    }
    captured();
    let assembly = bedplate::base::Assembly::new(bedplate::settings::Tree::default(), std::env::temp_dir());
    let assembly = assembly.starter::<crate::Telemetry>();
    let base = assembly.module(ModuleSpec::plain("busy", |_| Ok(Busy)).unwrap()).start().await.unwrap();
    // The shutdown waits for the task.
    base.shutdown().await.unwrap();
    let mut messages = captured().messages_of("busy");
    messages.sort();
    assert_eq!(messages, ["starting", "working"]);
}

#[tokio::test]
async fn a_library_that_logs_through_log_is_heard_as_the_module() {
    let base = base(&["logs"], "").await;
    inside(&base, "logs", async {
        log::info!(target: "some_library::pool", "opened");
        log::debug!(target: "some_library::pool", "not at this level");
    })
    .await;
    let lines = captured().of_module("logs");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0]["message"], "opened");
    assert_eq!(lines[0]["target"], "some_library::pool");
    assert!(lines[0].get("fields").is_none(), "{lines:?}");
}

#[tokio::test]
async fn a_request_id_comes_from_the_span_around() {
    let base = base(&["traced"], "").await;
    let request = tracing::info_span!("request", request_id = "r-1", path = "/a", status = tracing::field::Empty);
    let work = inside(&base, "traced", async {
        tracing::Span::current().record("status", 200);
        tracing::info_span!("inner").in_scope(|| tracing::info!("done"));
    });
    work.instrument(request).await;
    let lines = captured().of_module("traced");
    assert_eq!(lines[0]["request_id"], "r-1");
    let spans = serde_json::json!([
        { "span": "inner" },
        { "span": "request", "request_id": "r-1", "path": "/a", "status": 200 },
    ]);
    assert_eq!(lines[0]["spans"], spans);
}

#[tokio::test]
async fn what_is_logged_outside_of_modules_names_none() {
    let _base = base(&["aside"], "").await;
    tracing::info!(marker = "outside-of-modules", "nobody's");
    let lines = captured().lines();
    let line = lines.iter().find(|line| line["fields"]["marker"] == "outside-of-modules").unwrap();
    assert!(line.get("module").is_none() && line.get("scene").is_none(), "{line}");
}

#[tokio::test]
async fn a_line_of_the_base_names_the_module_that_it_is_about() {
    let _base = base(&["lively"], "").await;
    let lines = captured().lines();
    let about = |line: &&serde_json::Value| line["module"] == "lively" && line["target"] == "bedplate::lifecycle";
    let states: Vec<_> = lines.iter().filter(about).map(|line| line["fields"]["state"].clone()).collect();
    assert_eq!(states, ["resolved", "starting", "active"]);
}

#[tokio::test]
async fn a_field_about_another_module_stays_beside_the_own_one() {
    let base = base(&["caller"], "").await;
    inside(&base, "caller", async { tracing::info!(module = "callee", scene = "main", "asks") }).await;
    let lines = captured().of_module("caller");
    assert_eq!(lines[0]["fields"], serde_json::json!({ "module": "callee" }));
}

#[test]
fn people_read_one_line_that_nobody_can_forge() {
    let captured = Captured::default();
    let logger = captured.logger(Format::Human, "info");
    tracing::subscriber::with_default(Registry::default().with(LogLayer::new(logger)), || {
        let span = tracing::info_span!("request", request_id = "r-2", path = "/a b");
        span.in_scope(|| tracing::warn!(target: "orders::till", user = "x\n2026 ERROR", "late\n2026 ERROR\u{1b}[31m"));
    });
    let text = captured.text();
    let (at, line) = text.split_once(' ').unwrap();
    assert!(humantime::parse_rfc3339(at).is_ok(), "{at}");
    assert_eq!(
        line,
        " WARN orders::till: late\n    2026 ERROR\\u{1b}[31m user=\"x\\n2026 ERROR\" request_id=r-2 in request path=\"/a b\"\n"
    );
}

#[tokio::test]
async fn people_see_module_and_scene_too() {
    let base = base(&["shown", "asked"], "").await;
    let captured = Captured::default();
    let subscriber = Registry::default().with(LogLayer::new(captured.logger(Format::Human, "info")));
    let guard = tracing::subscriber::set_default(subscriber);
    let request = tracing::info_span!("request", module = "shown", scene = "main", request_id = "r-3");
    inside(&base, "shown", async { tracing::info!("hello") }).instrument(request.clone()).await;
    inside(&base, "asked", async { tracing::info!("hello") }).instrument(request).await;
    drop(guard);
    let text = captured.text();
    let (of_shown, of_asked) = text.split_once('\n').unwrap();
    assert!(of_shown.ends_with("hello module=shown scene=main request_id=r-3"), "{of_shown}");
    let expected = "hello module=asked scene=main request_id=r-3 in request module=shown\n";
    assert!(of_asked.ends_with(expected), "{of_asked}");
}
