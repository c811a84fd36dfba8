//! Whether swapped code has names: in a backtrace, and in a debugger.

use std::process::Command;

use bedplate_tests::http::Connection;
use bedplate_tests::process::eventually;

use crate::base::Place;
use crate::subjects::subject;

/// A subject that panics in a function of this name.
fn panics_in(function: &str) -> std::path::PathBuf {
    subject(
        &format!("panics-in-{function}"),
        &format!(
            "fn exports(self: &Arc<Self>, to: &mut Exports) {{
                 to.routes(Router::new().route(\"/subject\", get(|| async {{ {function}(std::hint::black_box(1)) }})));
             }}
             }}
             #[inline(never)]
             fn {function}(number: u32) -> &'static str {{
                 if number == 1 {{ panic!(\"in {function}\") }}
                 \"well\""
        ),
    )
}

#[test]
fn backtraces_name_the_functions_of_every_generation() {
    let place = Place::new("backtrace");
    let mut run = place.command(&["run"]);
    run.env("RUST_BACKTRACE", "1");
    let base = place.start_as(run);
    // The standard library looks at what is loaded at its first backtrace, and not again.
    for function in ["first_place", "second_place"] {
        base.install(&[&panics_in(function)]);
        assert_eq!(base.get("/subject").status, 500);
        eventually(format!("a backtrace through {function}"), || {
            let log = base.process.log();
            let names = log.contains(&format!("subject::{function}"));
            (names && log.contains("modules/subject/src/lib.rs:")).then_some(())
        });
    }
    base.end();
}

#[cfg(target_os = "linux")]
#[test]
fn a_debugger_knows_swapped_code() {
    let place = Place::new("gdb");
    if Command::new("gdb").arg("--version").output().is_err() {
        crate::disks::skipped("a_debugger_knows_swapped_code", "there is no gdb");
        return;
    }
    let base = place.start();
    let (at, go) = (place.folder.join("at"), place.folder.join("go"));
    // It stands still on its thread, where the debugger meets it.
    let stands = subject(
        "stands",
        &format!(
            "fn exports(self: &Arc<Self>, to: &mut Exports) {{
                 to.routes(Router::new().route(\"/subject\", get(|| async {{ where_it_stands() }})));
             }}
             }}
             #[inline(never)]
             fn where_it_stands() -> &'static str {{
                 let _ = std::fs::write({at:?}, \"\");
                 while !std::path::Path::new({go:?}).exists() {{
                     std::thread::sleep(Duration::from_millis(2));
                 }}
                 \"it went on\""
        ),
    );
    base.install(&[&stands]);
    let mut connection = Connection::open(base.http).unwrap();
    connection.begin("GET", "/subject", &[], "").unwrap();
    eventually("it stands", || at.exists().then_some(()));
    let process = base.process.id().to_string();
    let asked = Command::new("gdb")
        .args(["-nx", "-batch", "-p", &process, "-ex", "thread apply all backtrace"])
        .output()
        .unwrap();
    let answer = String::from_utf8_lossy(&asked.stdout);
    let frame = answer.lines().find(|line| line.contains("subject::where_it_stands"));
    assert!(
        frame.is_some_and(|frame| frame.contains("modules/subject/src/lib.rs:")),
        "{answer}\n{}",
        String::from_utf8_lossy(&asked.stderr)
    );
    std::fs::write(&go, "").unwrap();
    assert_eq!(connection.answer().unwrap().expect(200), "it went on", "it goes on when the debugger is gone");
    base.end();
}
