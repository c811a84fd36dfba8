//! Bases that are killed, at each step of a deployment: what was committed comes back.

use std::fs;

use bedplate_tests::process::eventually;
use bedplate_tests::stream::Lines;

use crate::base::{Base, Place};
use crate::subjects::{says, subject, waits_in};
use crate::workshop::object;

/// Kills the base, starts it again, and says what its subject serves.
fn after_a_kill(place: &Place, mut base: Base) -> String {
    base.process.kill();
    // Whatever waited for them goes on.
    for file in ["hold", "hold-migrate", "hold-prepare"] {
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
    for (method, signature) in [("start", "&self, _: &ModuleContext"), ("ready", "&self")] {
        let place = Place::new(&format!("killed-in-{method}")).set("lifecycle.start_deadline=2m");
        let base = place.start();
        let operation = base.upload(&[&waits_in(&place, method, signature)]).unwrap();
        base.begin(operation);
        place.reached("at");
        assert_eq!(after_a_kill(&place, base), "in order", "{method}");
    }
    for step in ["migrate", "prepare"] {
        let place = Place::new(&format!("killed-in-{step}"));
        let base = place.start();
        fs::write(place.folder.join(format!("hold-{step}")), "").unwrap();
        let operation = base.upload(&[&subject(&format!("for-{step}"), &says("new"))]).unwrap();
        base.begin(operation);
        place.reached(&format!("at-{step}"));
        assert_eq!(after_a_kill(&place, base), "in order", "{step}");
    }
}

#[test]
fn killed_after_it_was_recorded_the_new_code_comes_back() {
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
        let length = || fs::metadata(place.state().join("journal.jsonl")).unwrap().len();
        let (before, operation) = (length(), base.upload(&[object("plain", mark)]).unwrap());
        base.begin(operation);
        // At one of four moments: at once; loaded; something of the record is there; all that belongs to it.
        let loaded = || fs::read_dir(place.state().join("generations")).unwrap().count() > 7;
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
    assert!(seen[1] >= 4, "each way of ending was met: {seen:?}");
    base.end();
}
