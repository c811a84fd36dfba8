//! Old generations that do not end by themselves.

use bedplate_tests::http::Connection;
use bedplate_tests::process::eventually;
use bedplate_tests::stream::{BrokenOff, Frame, Lines, WebSocket};
use serde_json::Value;

use crate::base::{Base, Place};
use crate::subjects::{says, subject};
use crate::workshop::object;

/// Waits until this step of the end of this instance is told, and returns it.
fn later(base: &Base, instance: &str, step: &str) -> Value {
    eventually(format!("the {step} of {instance}"), || {
        let deployments = base.ask("history")["deployments"].take();
        let mut steps =
            deployments.as_array()?.iter().flat_map(|deployment| deployment["later"].as_array().into_iter().flatten());
        steps.find(|later| later["name"] == step && later["instance"] == instance).cloned()
    })
}

/// What a drain waits for, as `status` names it.
fn draining(base: &Base, module: &str) -> Option<Value> {
    let status = base.ask("status");
    status["draining"].as_array()?.iter().find(|drains| drains["instance"]["module"] == module).cloned()
}

#[test]
fn a_request_that_is_inside_ends_where_it_began() {
    let place = Place::new("inside");
    let base = place.start();
    let go = place.folder.join("go");
    let mut connection = Connection::open(base.http).unwrap();
    connection.begin("GET", &format!("/caller/slow?until={}", go.display()), &[], "").unwrap();
    eventually("it is inside", || base.ask("inflight").to_string().contains("/caller/slow").then_some(()));
    base.install(&[object("caller", "two"), object("reporter", "two")]);
    assert_eq!(base.text("/caller/twice"), "two build:two build:two");
    // The drain waits for it, and says for what.
    let waits = eventually("the drain is told", || draining(&base, "caller"));
    assert!(waits["holding"].to_string().contains("/caller/slow"), "{waits}");
    std::fs::write(&go, "").unwrap();
    let answer = connection.answer().unwrap();
    assert_eq!(answer.expect(200), "one build:one build:one");
    later(&base, "caller@main#1", "drain");
    base.end();
}

#[test]
fn a_stream_goes_on_over_the_swap_and_can_say_goodbye() {
    let base = Place::new("stream").start();
    let mut lines = Lines::open(base.http, "/caller/lines");
    assert_eq!(lines.next_line(), Ok(Some("one".to_owned())));
    base.install(&[object("caller", "two")]);
    assert_eq!(lines.until(|line| line != "one"), "draining");
    assert_eq!(lines.next_line(), Ok(None));
    assert_eq!(later(&base, "caller@main#1", "drain")["trouble"], Value::Null);
    let mut lines = Lines::open(base.http, "/caller/lines");
    assert_eq!(lines.next_line(), Ok(Some("two".to_owned())));
    drop(lines);
    base.end();
}

#[test]
fn a_stream_and_a_websocket_that_do_not_care_are_ended_at_the_deadline() {
    let base = Place::new("socket").set("drain.deadline=300ms").start();
    let mut socket = WebSocket::open(base.http, "/caller/socket");
    let mut watch = Lines::open(base.http, "/caller/watch");
    assert_eq!(socket.next_frame(), Some(Frame::Text("one".to_owned())));
    base.install(&[object("caller", "two")]);
    // Until the deadline they go on, as what they were.
    let mut frame = socket.next_frame();
    while frame == Some(Frame::Text("one".to_owned())) {
        frame = socket.next_frame();
    }
    assert_eq!(frame, Some(Frame::Close(1012)), "come again: the service restarts");
    assert_eq!(socket.next_frame(), None);
    let broken = loop {
        match watch.next_line() {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert_eq!(broken, Err(BrokenOff), "what was cut off does not end as if it were complete");
    let drain = later(&base, "caller@main#1", "drain");
    assert!(
        drain["trouble"].as_str().is_some_and(|text| text.contains("streams") && text.contains("watch")),
        "{drain}"
    );
    assert_eq!(base.text("/caller"), "two");
    base.end();
}

#[test]
fn a_stop_that_hangs_with_a_request_inside() {
    let place = Place::new("stop-hangs").set("lifecycle.stop_deadline=300ms").set("drain.deadline=300ms");
    let base = place.start();
    let go = place.folder.join("never");
    let hangs = subject(
        "stop-hangs",
        &format!(
            "async fn stop(&self) -> Result<()> {{ std::future::pending().await }}
             fn exports(self: &Arc<Self>, to: &mut Exports) {{
                 let waits = || async {{ while !std::path::Path::new({go:?}).exists() {{ tokio::time::sleep(Duration::from_millis(2)).await }} }};
                 to.routes(Router::new().route(\"/subject\", get(|| async {{ \"hangs\" }})).route(\"/subject/waits\", get(waits)));
             }}"
        ),
    );
    base.install(&[&hangs]);
    let mut connection = Connection::open(base.http).unwrap();
    connection.begin("GET", "/subject/waits", &[], "").unwrap();
    eventually("it is inside", || base.ask("inflight").to_string().contains("/subject/waits").then_some(()));
    base.install(&[&subject("stops-well", &says("well"))]);
    assert_eq!(base.text("/subject"), "well");
    let answer = connection.answer().unwrap();
    assert_eq!(answer.status, 503, "{answer:?}");
    let drain = later(&base, "subject@main#2", "drain");
    assert!(drain["trouble"].as_str().is_some_and(|text| text.contains("/subject/waits")), "{drain}");
    let stop = later(&base, "subject@main#2", "stop");
    assert!(stop["trouble"].as_str().is_some_and(|text| text.contains("300ms")), "{stop}");
    base.install(&[&hangs]);
    assert_eq!(base.text("/subject"), "hangs");
    base.install(&[&subject("stops-well-2", &says("well"))]);
    later(&base, "subject@main#4", "stop");
}

#[test]
fn a_task_that_never_ends_is_cancelled_and_named() {
    let base = Place::new("endless").set("drain.deadline=300ms").start();
    let endless = subject(
        "endless",
        "async fn start(&self, ctx: &ModuleContext) -> Result<()> {
             ctx.spawn(\"endless\", std::future::pending::<()>());
             Ok(())
         }",
    );
    base.install(&[&endless]);
    base.install(&[&subject("after-endless", &says("after"))]);
    assert_eq!(base.text("/subject"), "after");
    let drain = later(&base, "subject@main#2", "drain");
    assert!(drain["trouble"].as_str().is_some_and(|text| text.contains("endless")), "{drain}");
    assert!(!base.ask("inflight").to_string().contains("endless"));
    base.end();
}

#[test]
fn threads_that_hold_the_module_do_not_keep_a_swap_and_are_told() {
    let place = Place::new("threads").set("drain.deadline=300ms");
    let base = place.start();
    let go = place.folder.join("go");
    let threads = subject(
        "threads",
        &format!(
            "fn exports(self: &Arc<Self>, to: &mut Exports) {{
                 let held = self.clone();
                 std::thread::spawn(move || {{
                     while !std::path::Path::new({go:?}).exists() {{ std::thread::sleep(Duration::from_millis(2)) }}
                     drop(held);
                 }});
                 to.routes(Router::new().route(\"/subject\", get(|| async {{ \"threads\" }})));
             }}"
        ),
    );
    base.install(&[&threads]);
    base.install(&[&subject("after-threads", &says("after"))]);
    assert_eq!(base.text("/subject"), "after");
    later(&base, "subject@main#2", "stop");
    // Its code and its memory stay, which is told with what holds it.
    let undrained = || base.ask("status")["undrained"].take();
    let told = eventually("what it is held by is told", || Some(undrained()).filter(|list| list[0].is_object()));
    assert_eq!(
        (&told[0]["instance"]["generation"], &told[0]["references"]),
        (&Value::from(2), &Value::from(1)),
        "{told}"
    );
    assert!(base.process.log().contains("subject@main#2 is retired, and something still refers to it"));
    let status = String::from_utf8(place.run(&["status"]).stdout).unwrap();
    assert!(status.contains("subject@main#2 is retired, and 1 references hold it"), "{status}");
    std::fs::write(&go, "").unwrap();
    eventually("nothing is held any more", || undrained().as_array().unwrap().is_empty().then_some(()));
    base.end();
}
