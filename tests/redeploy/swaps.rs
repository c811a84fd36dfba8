//! What connections see of deployments: nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bedplate_tests::process::eventually;

use crate::base::{Base, Place};
use crate::load::{Together, under_load};
use crate::subjects::{says, subject};
use crate::workshop::{bundle, object};

/// The builds by turns: `two` first, since `one` is what the bundle has.
fn turn(number: usize) -> &'static str {
    if number.is_multiple_of(2) { "two" } else { "one" }
}

/// How long modules are replaced at least: `BEDPLATE_SOAK_SECONDS`, where somebody has the time.
fn soak() -> Duration {
    let seconds = std::env::var("BEDPLATE_SOAK_SECONDS").ok();
    Duration::from_secs(seconds.map_or(0, |seconds| seconds.parse().expect("BEDPLATE_SOAK_SECONDS is a number")))
}

#[test]
fn every_module_is_replaced_20_times_under_32_connections() {
    let place = Place::new("twenty");
    let base = place.start();
    let subjects = [subject("twenty", &says("two")), bundle().join("modules/subject.so")];
    let begin = Instant::now();
    let (rounds, load) = under_load(&base, Together::Yes, |load| {
        let mut rounds = 0;
        // An even number of them: the last builds are those of the bundle.
        while rounds < 20 || rounds % 2 == 1 || begin.elapsed() < soak() {
            let mark = turn(rounds);
            base.install(&[object("caller", mark), object("reporter", mark)]);
            for module in ["keeper", "notes", "plain", "port"] {
                base.install(&[object(module, mark)]);
            }
            base.install(&[&subjects[rounds % 2]]);
            load.goes_on(64);
            rounds += 1;
        }
        rounds
    });
    let modules = base.ask("modules");
    let modules: Vec<_> = modules["modules"].as_array().unwrap().iter().map(|entry| &entry["instance"]).collect();
    assert_eq!(modules.len(), 7, "{modules:?}");
    for instance in &modules {
        assert_eq!(instance["generation"], rounds + 1, "{instance}");
    }
    println!("{rounds} rounds, {} answers, {:?}", load.answered(), begin.elapsed());
    // The state was handed over each time: of what was counted nothing is lost, and nothing is there twice.
    let kept = load.kept.load(Ordering::Relaxed);
    assert!(kept > 0);
    assert_eq!(base.text("/keeper"), format!("one {kept}"));
    // Each generation was mapped from a file of its own.
    let files: BTreeSet<_> =
        std::fs::read_dir(place.state().join("generations")).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(files.len() >= (rounds + 1) * modules.len(), "{files:#?}");
    base.end();
}

#[test]
fn half_a_thousand_swaps_in_one_process() {
    let base = Place::new("many").start();
    let ((), load) = under_load(&base, Together::No, |load| {
        for number in 0..250 {
            let mark = turn(number);
            base.install(&[object("reporter", mark)]);
            base.install(&[object("plain", mark)]);
            load.goes_on(8);
        }
    });
    assert!(load.answered() > 2_000);
    assert_eq!((base.generation("reporter"), base.generation("plain")), (251, 251));
    // None was unloaded: what may point into them does not end. The last ones are on their way out yet.
    eventually("500 are retired", || {
        let status = base.ask("status");
        let count = status["retired"]["objects"].as_array().unwrap().len();
        assert!(count <= 500, "{}", status["retired"]["budgets"]);
        (count == 500).then_some(())
    });
    base.end();
}

#[test]
fn a_deployment_every_tenth_of_a_second() {
    let base = Place::new("often").start();
    under_load(&base, Together::No, |_| {
        let begin = Instant::now();
        for number in 0..30 {
            // Not a wait for something: the pace is what is tried.
            let at = Duration::from_millis(100) * number;
            std::thread::sleep(at.saturating_sub(begin.elapsed()));
            base.install(&[object("plain", turn(number as usize))]);
        }
    });
    assert_eq!(base.generation("plain"), 31);
    base.end();
}

#[test]
fn an_older_object_comes_again_after_another_and_is_what_runs() {
    let base = Place::new("a-b-a").start();
    for number in 0..6 {
        let mark = turn(number);
        base.install(&[object("plain", mark)]);
        assert!(base.text("/plain").starts_with(mark), "the old code runs");
        base.install(&[object("reporter", mark)]);
        assert_eq!(base.text("/reporter"), mark);
        assert_eq!(base.text("/caller/versions"), format!("build:{mark} next:{mark}"));
    }
    base.end();
}

#[test]
fn two_versions_of_a_contract_are_served_at_once_and_each_is_answered_by_its_own() {
    let base = Place::new("versions").start();
    under_load(&base, Together::No, |load| {
        for number in 0..6 {
            // The load looks at both versions within each request.
            base.install(&[object("reporter", turn(number))]);
            load.goes_on(64);
            base.install(&[object("caller", turn(number))]);
            load.goes_on(64);
        }
    });
    base.end();
}

#[test]
fn modules_without_a_slice_element_do_not_show_the_elements_of_others() {
    let base = Place::new("empty-slice").start();
    assert_eq!(publishers(&base, "plain"), [""; 0]);
    base.install(&[object("plain", "two")]);
    assert_eq!(publishers(&base, "plain"), [""; 0], "the slices of another object");
    assert_eq!(publishers(&base, "reporter"), ["Report", "Report"]);
    base.end();
}

fn publishers(base: &Base, module: &str) -> Vec<String> {
    let modules = base.ask("modules");
    let found =
        modules["modules"].as_array().unwrap().iter().find(|entry| entry["instance"]["module"] == module).unwrap();
    found["publishes"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_build_that_serves_now_again_changes_nothing_unless_it_is_forced() {
    use bedplate_admin_client::protocol::Options;

    let base = Place::new("again").start();
    let same: &Path = object("plain", "one");
    let composition = base.composition();
    base.install(&[same]);
    assert_eq!((base.generation("plain"), base.composition()), (1, composition));
    let operation = base.upload(&[same]).unwrap();
    base.carry_out(operation, Options { force: true, ..Options::default() }).unwrap();
    assert_eq!(base.generation("plain"), 2);
    assert!(base.text("/plain").starts_with("one"));
    base.end();
}
