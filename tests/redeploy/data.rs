//! What outlives a generation: tables, state in memory, work in the background, and what only one can hold.

use std::io::Read;
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use bedplate_admin_client::protocol::Options;
use bedplate_tests::process::{eventually, free_address};

use crate::base::Place;
use crate::load::{Together, under_load};
use crate::workshop::{object, workshop};

/// The notes, with a further migration.
fn notes(name: &str, migration: &str) -> PathBuf {
    let mut copy = workshop();
    copy.mark(&["notes"], name);
    copy.write("modules/notes/migrations/0002_more.sql", migration);
    copy.object("notes", name)
}

#[test]
fn a_migration_is_kept_by_a_rollback_and_by_a_restart() {
    let place = Place::new("migration");
    let base = place.start();
    base.post("/notes", "before");
    let more = notes("more", "ALTER TABLE notes ADD COLUMN author TEXT NOT NULL DEFAULT 'nobody';");
    let ((), _) = under_load(&base, Together::No, |load| {
        base.install(&[&more]);
        load.goes_on(64);
        base.install(&[object("notes", "two")]);
        load.goes_on(64);
    });
    assert_eq!(base.text("/notes"), "two\nbefore");
    base.install(&[&more]);
    base.post("/notes", "between");
    // The older generation serves on the newer schema: now, and at the next start.
    base.rollback(&["notes"]);
    assert_eq!(base.text("/notes"), "two\nbefore\nbetween");
    base.post("/notes", "after");
    base.end();
    let base = place.start();
    assert_eq!(base.text("/notes"), "two\nbefore\nbetween\nafter");
    base.rollback(&["notes"]);
    assert!(base.text("/notes").starts_with("more"), "what served before it");
    base.end();
}

#[test]
fn a_migration_that_fails_or_takes_away_changes_nothing() {
    let base = Place::new("bad-migration").start();
    base.post("/notes", "kept");
    let wrong = notes("wrong", "ALTER TABLE missing ADD COLUMN author TEXT;");
    let takes_away = notes("less", "ALTER TABLE events RENAME COLUMN event TO what;");
    let before = base.composition();
    let (refusals, _) = under_load(&base, Together::No, |load| {
        let refusals = [&wrong, &takes_away].map(|object| base.try_install(&[object]).unwrap_err());
        load.goes_on(64);
        refusals
    });
    let [failed, breaking] = refusals;
    assert!(failed.to_string().contains("no such table: missing") && failed.to_string().contains("notes"), "{failed}");
    assert!(breaking.has("migration-breaking"), "{breaking:?}");
    let text = breaking.to_string();
    assert!(text.contains("renames the column `event`") && text.contains("--breaking"), "{text}");
    assert_eq!(base.composition(), before);
    assert_eq!(base.text("/notes"), "one\nkept");

    // It shows in a plan, which changes nothing, and is done where that is wanted.
    let planned = base.carry_out(base.upload(&[&takes_away]).unwrap(), Options { plan: true, ..Options::default() });
    let plan = planned.unwrap().plan.unwrap();
    assert!(plan["work"].to_string().contains("more"), "{plan}");
    assert_eq!(base.composition(), before);
    let wanted = Options { breaking: true, ..Options::default() };
    base.carry_out(base.upload(&[&takes_away]).unwrap(), wanted).unwrap();
    assert_eq!(base.text("/notes"), "less\nkept");
    base.end();
}

#[test]
fn background_work_is_that_of_the_generation_that_serves() {
    // What was replaced stays warm: nothing of it may work.
    let base = Place::new("background").set("deploy.bake=1h").start();
    let events = |count: usize, of: &str| -> Vec<String> {
        eventually(format!("{count} times {of}"), || {
            let events: Vec<_> = base.text("/notes/events").lines().map(str::to_owned).collect();
            (events.iter().filter(|event| *event == of).count() >= count).then_some(events)
        })
    };
    events(5, "one beat");
    events(3, "one end");
    base.install(&[object("notes", "two")]);
    let first = events(5, "two beat");
    events(3, "two end");
    base.rollback(&["notes"]);
    let seen = first.iter().filter(|event| *event == "one beat").count();
    let all = events(seen + 5, "one beat");
    base.end();

    let beats: Vec<_> = all.iter().filter(|event| event.ends_with(" beat")).map(|event| &event[..3]).collect();
    let turns = beats.windows(2).filter(|pair| pair[0] != pair[1]).count();
    // One that was being written when its task was ended may come late.
    assert!((2..=6).contains(&turns), "both generations work: {beats:?}");
    let runs: Vec<_> = all.iter().filter(|event| !event.ends_with(" beat")).collect();
    for pair in runs.chunks(2) {
        let [begin, end] = pair else { continue };
        let (begin, end) = (begin.split_once(' ').unwrap(), end.split_once(' ').unwrap());
        assert_eq!((begin.1, end.1), ("begin", "end"), "two runs at once: {runs:?}");
        assert_eq!(begin.0, end.0, "{runs:?}");
    }
}

#[test]
fn state_goes_over_in_both_directions_and_what_is_not_understood_is_the_new_codes_to_handle() {
    let base = Place::new("hand-over").start();
    for _ in 0..3 {
        base.post("/keeper", "");
    }
    base.install(&[object("keeper", "two")]);
    assert_eq!(base.post("/keeper", ""), "two 4");

    // A newer version of the state, made from the older one.
    let mut copy = workshop();
    copy.mark(&["keeper"], "new");
    copy.replace("modules/keeper/src/lib.rs", "const VERSION: u32 = 1;", "const VERSION: u32 = 2;");
    copy.replace(
        "modules/keeper/src/lib.rs",
        "        Ok(())\n    }\n\n    async fn hand_over",
        "        if ctx.handed_over_version() == Some(1) {
            let old: Option<Kept> = ctx.handed_over()?;
            self.kept().count = old.map_or(0, |old| old.count + 1000);
        }
        Ok(())
    }

    async fn hand_over",
    );
    let newer = copy.object("keeper", "newer-state");
    copy.restore();
    // One that does not come up, and one whose state cannot be had.
    copy.replace(
        "modules/keeper/src/lib.rs",
        "if ctx.handed_over_version() == Some(VERSION)",
        "ctx.handed_over::<Vec<String>>()?;\n        if true",
    );
    let fails = copy.object("keeper", "fails-with-state");
    drop(copy);

    base.install(&[&newer]);
    assert_eq!(base.post("/keeper", ""), "new 1005");
    let (refusal, load) = under_load(&base, Together::No, |load| {
        let refusal = base.try_install(&[&fails]).unwrap_err();
        load.goes_on(64);
        refusal
    });
    assert!(refusal.has("start-failed") && refusal.to_string().contains("keeper"), "{refusal:?}");
    // The old one has its state still, and those who waited at the gate were let in to it.
    let kept = 1005 + load.kept.load(Ordering::Relaxed);
    assert_eq!(base.text("/keeper"), format!("new {kept}"));
    // The older code does not know the newer version, and counts anew.
    base.install(&[object("keeper", "two")]);
    assert_eq!(base.text("/keeper"), "two 0");
    base.end();
}

#[test]
fn a_module_that_holds_a_port_takes_it_over() {
    let address = free_address();
    let base = Place::new("exclusive").set(format!("modules.port.address={address}")).start();
    let who = || {
        let mut text = String::new();
        TcpStream::connect(address).unwrap().read_to_string(&mut text).unwrap();
        text
    };
    assert_eq!(who(), "one");
    let mut copy = workshop();
    copy.replace(
        "modules/port/src/lib.rs",
        "let listener =",
        "if true { return Err(std::io::Error::other(\"no port\").into()); }\n        let listener =",
    );
    let fails = copy.object("port", "fails");
    drop(copy);
    under_load(&base, Together::No, |load| {
        for mark in ["two", "one", "two"] {
            base.install(&[object("port", mark)]);
            assert_eq!(who(), mark);
            let refusal = base.try_install(&[&fails]).unwrap_err();
            assert!(refusal.has("start-failed") && refusal.to_string().contains("no port"), "{refusal:?}");
            assert_eq!(who(), mark, "a fresh instance of the old code holds it again");
            load.goes_on(64);
        }
    });
    base.end();
}
