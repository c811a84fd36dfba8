//! Whether swapped code has names: in a backtrace, and in a debugger.

use std::process::Command;

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
        crate::crashes::skipped("a_debugger_knows_swapped_code", "there is no gdb");
        return;
    }
    let base = place.start();
    base.install(&[&panics_in("where_it_stands")]);
    let asked = Command::new("gdb")
        .args(["-nx", "-batch", "-p", &base.process.id().to_string(), "-ex", "info line subject::where_it_stands"])
        .output()
        .unwrap();
    let answer = String::from_utf8_lossy(&asked.stdout);
    assert!(
        answer.contains("modules/subject/src/lib.rs") && answer.contains("subject::where_it_stands"),
        "{answer}\n{}",
        String::from_utf8_lossy(&asked.stderr)
    );
    assert!(base.text("/plain").starts_with("one"), "it goes on when the debugger is gone");
    base.end();
}
