//! Bases that are killed, at each step of a deployment: what was committed comes back.

use std::fs;
use std::path::Path;

use bedplate_tests::process::eventually;
use bedplate_tests::stream::Lines;

use crate::base::{Base, Place};
use crate::subjects::{exclusive, says, subject, waits_in, waits_in_its_constructor, waits_in_source};
use crate::workshop::object;

/// Asks for a deployment of this object, and waits until it is in a step that says so by a file. Returns the steps
/// that it has behind it.
fn held_at(place: &Place, base: &Base, object: &Path, at: &str) -> Vec<String> {
    let operation = base.upload(&[object]).unwrap();
    let deployment = base.begin(operation);
    place.reached(at);
    base.deployment(&deployment.id).steps.into_iter().map(|step| step.name).collect()
}

/// The last of the steps that a deployment has behind it.
fn last(steps: &[String]) -> &str {
    steps.last().map_or("", String::as_str)
}

/// Kills the base, starts it again, and says what its subject serves.
fn after_a_kill(place: &Place, mut base: Base) -> String {
    base.process.kill();
    // Whatever waited for them goes on.
    for file in ["hold", "hold-migrate", "hold-prepare", "hold-committed"] {
        let _ = fs::remove_file(place.folder.join(file));
    }
    let base = place.start();
    let text = base.text("/subject");
    assert_eq!(Some(base.digest("subject")), place.committed("subject"));
    // The next deployment finds all in order.
    base.install(&[object("plain", "two")]);
    base.install(&[object("plain", "one")]);
    base.end();
    text
}

#[test]
fn killed_before_it_is_recorded_the_old_code_comes_back() {
    let place = Place::new("killed-in-construct").set("lifecycle.start_deadline=2m");
    let base = place.start();
    let steps = held_at(&place, &base, &waits_in_its_constructor(&place), "at");
    assert_eq!(last(&steps), "check", "{steps:?}");
    assert_eq!(after_a_kill(&place, base), "in order");

    for (method, signature) in [("start", "&self, _: &ModuleContext"), ("ready", "&self")] {
        let place = Place::new(&format!("killed-in-{method}")).set("lifecycle.start_deadline=2m");
        let base = place.start();
        let steps = held_at(&place, &base, &waits_in(&place, method, signature), "at");
        assert_eq!(last(&steps), "migrate", "{method}: {steps:?}");
        assert_eq!(after_a_kill(&place, base), "in order", "{method}");
    }
    for (step, before) in [("migrate", "construct"), ("prepare", "start")] {
        let place = Place::new(&format!("killed-in-{step}"));
        let base = place.start();
        fs::write(place.folder.join(format!("hold-{step}")), "").unwrap();
        let object = subject(&format!("for-{step}"), &says("new"));
        let steps = held_at(&place, &base, &object, &format!("at-{step}"));
        assert_eq!(last(&steps), before, "{step}: {steps:?}");
        assert_eq!(after_a_kill(&place, base), "in order", "{step}");
    }
}

/// Where a module takes over what cannot be held twice, the pointer moves before anything is recorded.
#[test]
fn killed_between_the_swap_and_the_record_the_old_code_comes_back() {
    let place = Place::new("killed-in-take-over").set("lifecycle.start_deadline=2m");
    let base = place.start();
    let composition = base.composition();
    let object = exclusive(&waits_in_source(&place, "start", "&self, _: &ModuleContext"));
    let steps = held_at(&place, &base, &object, "at");
    assert_eq!(last(&steps), "stop", "{steps:?}");
    assert!(steps.contains(&"hold".to_owned()) && !steps.contains(&"record".to_owned()), "{steps:?}");
    assert!(base.composition() > composition, "the pointer has moved");
    assert_eq!(after_a_kill(&place, base), "in order");
}

#[test]
fn killed_after_it_was_recorded_the_new_code_comes_back() {
    // While the starters are told, after the swap and the proof.
    let place = Place::new("killed-in-committed");
    let base = place.start();
    fs::write(place.folder.join("hold-committed"), "").unwrap();
    let steps = held_at(&place, &base, &subject("for-committed", &says("new")), "at-committed");
    let end: Vec<_> = steps.iter().rev().take(3).rev().collect();
    assert_eq!(end, ["record", "swap", "prove"], "{steps:?}");
    assert_eq!(after_a_kill(&place, base), "new");

    // While what left is warm.
    let place = Place::new("killed-in-bake").set("deploy.bake=1h");
    let base = place.start();
    base.install(&[&subject("for-bake", &says("new"))]);
    assert_eq!(after_a_kill(&place, base), "new");

    // While what left drains: a stream holds the caller, which is of the same set.
    let place = Place::new("killed-in-drain");
    let base = place.start();
    let mut watch = Lines::open(base.http, "/caller/watch");
    assert!(watch.next_line().unwrap().is_some());
    base.install(&[&subject("for-drain", &says("new")), object("caller", "two")]);
    assert!(base.ask("status")["draining"].to_string().contains("caller"));
    assert_eq!(after_a_kill(&place, base), "new");

    // While what left stops.
    let place = Place::new("killed-in-stop").set("lifecycle.stop_deadline=2m");
    let base = place.start();
    base.install(&[&waits_in(&place, "stop", "&self")]);
    base.install(&[&subject("for-stop", &says("new"))]);
    place.reached("at");
    assert_eq!(after_a_kill(&place, base), "new");
}

/// What is committed between the record and the proof cannot be held up from outside: the base is killed
/// there at no moment in particular, often, and what comes back is what the journal says.
#[test]
fn killed_at_any_moment_what_was_committed_comes_back() {
    let place = Place::new("killed-anywhere");
    let mut base = place.start();
    let mut seen = [0, 0];
    for round in 0..16_u64 {
        let now = base.digest("plain");
        let mark = if base.text("/plain").starts_with("one") { "two" } else { "one" };
        let generations = fs::read_dir(place.state().join("generations")).unwrap().count();
        let length = || fs::metadata(place.state().join("journal.jsonl")).unwrap().len();
        let (before, operation) = (length(), base.upload(&[object("plain", mark)]).unwrap());
        base.begin(operation);
        // At one of four moments: at once; loaded; something of the record is there; all that belongs to it.
        let loaded = || fs::read_dir(place.state().join("generations")).unwrap().count() > generations;
        match round % 4 {
            0 => {}
            1 => eventually("the object is loaded", || loaded().then_some(())),
            2 => eventually("it is recorded", || (length() > before).then_some(())),
            _ => eventually("it is live", || (base.digest("plain") != now).then_some(())),
        }
        base.process.kill();
        let expected = place.committed("plain").expect("the journal has a record");
        seen[usize::from(expected != now)] += 1;
        base = place.start();
        assert_eq!(base.digest("plain"), expected, "round {round}: {:#?}", place.journal());
        let text = base.text("/plain");
        assert_eq!(text.starts_with(mark), expected != now, "round {round}: {text}");
    }
    // What was seen to be live was recorded, each time; what was killed at once may be either.
    assert!(seen[1] >= 4, "each way of ending was met: {seen:?}");
    base.end();
}
