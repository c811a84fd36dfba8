//! What a base comes back with, what it goes back to, and deployments that wait for one another.

use std::fs;

use bedplate_tests::process::eventually;

use crate::base::Place;
use crate::load::{Together, under_load};
use crate::subjects::waits_in;
use crate::workshop::object;

#[test]
fn a_base_that_restarts_comes_back_with_what_served_or_says_why_not() {
    let place = Place::new("restart");
    let base = place.start();
    base.install(&[object("plain", "two"), object("reporter", "two")]);
    let digest = base.digest("plain");
    base.end();
    let base = place.start();
    assert!(base.text("/plain").starts_with("two"));
    assert_eq!(base.text("/caller/twice"), "one build:two build:two");
    assert_eq!(base.digest("plain"), digest);
    let notes = base.ask("status")["notes"].to_string();
    assert!(notes.contains("plain") && notes.contains(&digest[..12]), "{notes}");
    base.end();

    // What was stored is not what it was.
    let stored = place.state().join("artifacts").join(format!("{digest}.so"));
    let mut bytes = fs::read(&stored).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(&stored, bytes).unwrap();
    let base = place.start();
    assert!(base.text("/plain").starts_with("one"), "what is not what it was is not loaded");
    assert_eq!(base.text("/reporter"), "two");
    let notes = base.ask("status")["notes"].to_string();
    assert!(notes.contains("`plain` does not come back") && notes.contains("bundle"), "{notes}");
    assert!(base.process.log().contains("`plain` does not come back"), "{}", base.process.log());
    base.end();

    // Nor is it there at all.
    fs::remove_file(&stored).unwrap();
    let base = place.start();
    assert!(base.text("/plain").starts_with("one"));
    base.end();
}

#[test]
fn a_rollback_goes_back_to_what_is_warm_and_then_to_what_is_stored() {
    let place = Place::new("rollback").set("deploy.bake=1h");
    let base = place.start();
    base.install(&[object("caller", "two"), object("reporter", "two")]);
    under_load(&base, Together::Yes, |load| {
        // Without names: all that the last deployment changed, in one swap.
        let back = base.rollback(&[]);
        assert_eq!(base.text("/caller/twice"), "one build:one build:one");
        assert!(back.steps.iter().all(|step| step.name != "load"), "it was warm: {:?}", back.steps);
        load.goes_on(64);
    });
    // The very instances serve again.
    assert_eq!((base.generation("caller"), base.generation("reporter")), (1, 1));
    base.end();

    let place = Place::new("rollback-stored");
    let base = place.start();
    base.install(&[object("plain", "two")]);
    eventually("nothing is warm", || base.ask("status")["warm"].as_array().unwrap().is_empty().then_some(()));
    let back = base.rollback(&["plain"]);
    assert!(back.steps.iter().any(|step| step.name == "load"), "{:?}", back.steps);
    assert!(base.text("/plain").starts_with("one"));
    base.rollback(&["plain"]);
    assert!(base.text("/plain").starts_with("two"), "what served before what serves");
    base.end();
    let base = place.start();
    base.rollback(&["plain"]);
    assert!(base.text("/plain").starts_with("one"), "the history survives a restart");
    base.end();
}

#[test]
fn two_deployments_at_once_come_one_after_the_other_also_without_their_clients() {
    let place = Place::new("queue").set("lifecycle.start_deadline=2m");
    let base = place.start();
    let waits = base.upload(&[&waits_in(&place, "start", "&self, _: &ModuleContext")]).unwrap();
    let other = base.upload(&[object("plain", "two")]).unwrap();
    // Both clients are gone as soon as they have asked.
    let first = base.begin(waits).id;
    place.reached("at");
    let second = base.begin(other).id;
    let queued = eventually("the second waits", || {
        let second = base.deployment(&second);
        second.position.is_some().then_some(second)
    });
    assert_eq!(queued.position, Some(1), "{queued:?}");
    assert_eq!(base.text("/subject"), "in order");
    assert!(base.text("/plain").starts_with("one"), "it has overtaken the first");
    fs::remove_file(place.folder.join("hold")).unwrap();
    for id in [&first, &second] {
        eventually("it is decided", || base.deployment(id).state.is_decided().then_some(()));
    }
    assert_eq!(base.text("/subject"), "waited in start");
    assert!(base.text("/plain").starts_with("two"));
    base.end();
}
