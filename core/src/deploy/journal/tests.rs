//! What the journal keeps, and what it gives back after whatever has happened to it.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::entry::{Committed, Entry, Later, Outcome, StepRecord};
use super::file::JournalFile;
use super::ledger::{Approved, Guard, Journal};
use crate::Result;
use crate::compose::{CompositionError, Problem};
use crate::deploy::store::private::{self, Durable};
use crate::deploy::{Committing, Deployed, DeploymentOutcome, Ended as EngineEnded, Ledger, Occasion};
use crate::descriptors::ModuleName;
use crate::module::{InstanceId, Module, ModuleSpec};
use crate::scene::SceneName;

struct Quiet;
impl Module for Quiet {}

fn id(module: &str, generation: u64) -> InstanceId {
    InstanceId { module: ModuleName::new(module).unwrap(), scene: SceneName::main(), generation }
}

fn committing(deployment: u64, members: &[(&str, u64)]) -> Committing {
    let spec = |name: &str| Arc::new(ModuleSpec::plain(name, |_| Ok(Quiet)).unwrap());
    Committing {
        deployment,
        composition: deployment,
        occasion: if deployment == 1 { Occasion::Start } else { Occasion::Asked },
        members: members.iter().map(|(name, generation)| (id(name, *generation), spec(name))).collect(),
        waiting: Vec::new(),
        absent: Vec::new(),
        removed: Vec::new(),
        came: Vec::new(),
        revived: Vec::new(),
        replaced: Vec::new(),
        settings: None,
        source: Some(json!({ "who": "anna", "operation": "install" })),
        steps: Vec::new(),
    }
}

fn ended(deployment: u64, outcome: DeploymentOutcome) -> EngineEnded {
    EngineEnded { deployment, occasion: Occasion::Asked, source: None, outcome, steps: Vec::new() }
}

fn error() -> CompositionError {
    let problem = Problem { code: "not-ready", what: "no".to_owned(), places: Vec::new(), help: "yes".to_owned() };
    CompositionError { step: "start", problems: vec![problem] }
}

fn serves(deployment: u64) -> DeploymentOutcome {
    DeploymentOutcome::Serves(Deployed {
        deployment,
        composition: deployment,
        came: Vec::new(),
        revived: Vec::new(),
        leaving: Vec::new(),
        warm: Vec::new(),
        left_out: Vec::new(),
        steps: Vec::new(),
    })
}

fn modules(committed: &Committed) -> Vec<(&str, u64)> {
    committed.members.iter().map(|member| (member.module.as_str(), member.generation)).collect()
}

fn open(folder: &Path) -> Journal {
    Journal::open(folder.join("journal.jsonl")).unwrap().0
}

#[test]
fn what_was_committed_last_comes_back_whether_or_not_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    assert!(open(folder.path()).last_committed().is_none());
    let journal = open(folder.path());
    journal.commit(&committing(1, &[("articles", 1)])).unwrap();
    journal.ended(&ended(1, serves(1)));
    journal.commit(&committing(2, &[("articles", 1), ("comments", 1)])).unwrap();
    let last = open(folder.path()).last_committed().unwrap();
    assert_eq!(modules(&last), [("articles", 1), ("comments", 1)]);
    assert_eq!((last.number, last.asked.who.as_str()), (2, "anna"));
}

#[test]
fn what_failed_or_was_taken_back_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path());
    journal.started("base").unwrap();
    journal.commit(&committing(1, &[("comments", 1)])).unwrap();
    journal.ended(&ended(2, DeploymentOutcome::Failed(error())));
    journal.commit(&committing(3, &[("comments", 2)])).unwrap();
    journal.ended(&ended(3, DeploymentOutcome::TakenBack(error())));
    let journal = open(folder.path());
    assert_eq!(modules(&journal.last_committed().unwrap()), [("comments", 1)]);
    let history = journal.history(10);
    let outcomes: Vec<_> = history.iter().map(|deployment| deployment.outcome).collect();
    assert_eq!(outcomes, [Outcome::TakenBack, Outcome::Failed, Outcome::Committed]);
    assert_eq!(history[1].problems[0].code, "not-ready");
    // The number of what was taken back is not given away again.
    journal.commit(&committing(4, &[("comments", 3)])).unwrap();
    assert_eq!(journal.last_committed().unwrap().number, 3);
}

#[test]
fn deployments_of_two_processes_are_not_mixed_up() {
    let folder = tempfile::tempdir().unwrap();
    for process in 1..=2 {
        let journal = open(folder.path());
        journal.started("base").unwrap();
        journal.commit(&committing(1, &[("comments", process)])).unwrap();
        if process == 2 {
            journal.ended(&ended(1, DeploymentOutcome::TakenBack(error())));
        }
    }
    let journal = open(folder.path());
    assert_eq!(modules(&journal.last_committed().unwrap()), [("comments", 1)]);
    let outcomes: Vec<_> = journal.history(10).iter().map(|deployment| deployment.outcome).collect();
    assert_eq!(outcomes, [Outcome::TakenBack, Outcome::Committed]);
}

#[test]
fn a_process_that_ends_at_any_byte_comes_back_with_what_was_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let journal = open(folder.path());
    let mut ends = Vec::new();
    for number in 1..=3 {
        journal.commit(&committing(number, &[("comments", number)])).unwrap();
        ends.push(std::fs::metadata(&path).unwrap().len());
    }
    let whole = std::fs::read(&path).unwrap();
    for length in (0..=whole.len()).step_by(13).chain(ends.iter().map(|end| *end as usize)) {
        std::fs::write(&path, &whole[..length]).unwrap();
        let expected = ends.iter().rposition(|end| *end <= length as u64).map(|index| index as u64 + 1);
        let journal = open(folder.path());
        assert_eq!(journal.last_committed().map(|last| last.number), expected, "{length}");
        // What is appended next is not spoiled by what was cut.
        if length % 3 == 0 {
            journal.commit(&committing(9, &[("articles", 1)])).unwrap();
            assert_eq!(modules(&open(folder.path()).last_committed().unwrap()), [("articles", 1)]);
        }
    }
}

#[test]
fn what_was_taken_out_stays_out_until_it_is_installed_again() {
    let journal = Journal::in_memory();
    journal.commit(&committing(1, &[("articles", 1), ("comments", 1)])).unwrap();
    let taken_out = || Committing {
        replaced: vec![id("comments", 1)],
        removed: vec![ModuleName::new("comments").unwrap()],
        ..committing(2, &[("articles", 1)])
    };
    journal.commit(&taken_out()).unwrap();
    journal.commit(&committing(3, &[("articles", 2)])).unwrap();
    let last = journal.last_committed().unwrap();
    assert_eq!(last.removed, BTreeSet::from(["comments".to_owned()]));
    assert_eq!(journal.history(2)[1].removed, ["comments"]);
    journal.commit(&committing(4, &[("articles", 2), ("comments", 2)])).unwrap();
    assert_eq!(journal.last_committed().unwrap().removed, BTreeSet::new());
}

#[test]
fn what_settings_leave_out_or_what_failed_is_not_taken_out() {
    let journal = Journal::in_memory();
    journal.commit(&committing(1, &[("articles", 1), ("comments", 1)])).unwrap();
    let replaced = || vec![id("comments", 1)];
    let settings = Some(Arc::default());
    journal.commit(&Committing { replaced: replaced(), settings, ..committing(2, &[("articles", 1)]) }).unwrap();
    assert_eq!(journal.last_committed().unwrap().removed, BTreeSet::new());
    let waiting = vec![ModuleName::new("comments").unwrap()];
    journal.commit(&Committing { replaced: replaced(), waiting, ..committing(3, &[("articles", 1)]) }).unwrap();
    assert_eq!(journal.last_committed().unwrap().removed, BTreeSet::new());
    // Settings that leave one out, in one step with the removal of another.
    let settings = Some(Arc::default());
    let removed = vec![ModuleName::new("tags").unwrap()];
    journal
        .commit(&Committing { replaced: replaced(), settings, removed, ..committing(4, &[("articles", 1)]) })
        .unwrap();
    assert_eq!(journal.last_committed().unwrap().removed, BTreeSet::from(["tags".to_owned()]));
    let absent = vec![Arc::new(ModuleSpec::plain("tags", |_| Ok(Quiet)).unwrap())];
    journal.commit(&Committing { absent, ..committing(5, &[("articles", 1)]) }).unwrap();
    assert_eq!(journal.last_committed().unwrap().removed, BTreeSet::new());
}

#[test]
fn it_does_not_grow_without_end_and_never_loses_what_serves() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let journal = Journal::open_with(path.clone(), 8192).unwrap().0;
    journal.started("base").unwrap();
    journal.commit(&committing(1, &[("comments", 1)])).unwrap();
    for number in 2..200 {
        journal.ended(&ended(number, DeploymentOutcome::Failed(error())));
        assert!(std::fs::metadata(&path).unwrap().len() < 8192 + 1024);
    }
    journal.ended(&ended(1, serves(1)));
    let again = Journal::open_with(path, 8192).unwrap().0;
    assert_eq!(modules(&again.last_committed().unwrap()), [("comments", 1)]);
    let history = again.history(usize::MAX);
    assert!((5..100).contains(&history.len()), "{}", history.len());
    assert_eq!(history.last().unwrap().outcome, Outcome::Served);
    assert_eq!(again.kept().entries, journal.kept().entries);
}

#[test]
fn a_guard_has_the_last_word() {
    struct Never;
    impl Guard for Never {
        fn approve(&self, _: &Committing, _: Option<&Committed>) -> Result<Approved> {
            Err(anyhow::anyhow!("overtaken"))
        }
    }
    let journal = Journal::in_memory().guarded(Arc::new(Never));
    assert_eq!(journal.commit(&committing(1, &[])).unwrap_err().to_string(), "overtaken");
    assert!(journal.last_committed().is_none());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_fails_the_commit() {
    // A device that is always full.
    let mut file = JournalFile::on(std::fs::File::options().append(true).open("/dev/full").unwrap());
    let entry = Entry::Later(Later { deployment: 1, step: StepRecord::from(&a_step()) });
    assert_eq!(file.append(&entry, Durable::Yes).unwrap_err().kind(), io::ErrorKind::StorageFull);
}

#[test]
fn what_is_appended_after_the_file_was_written_anew_is_in_the_file_that_has_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal.jsonl");
    let entry = |deployment| Entry::Later(Later { deployment, step: StepRecord::from(&a_step()) });
    let mut file = JournalFile::open(path.clone(), u64::MAX).unwrap().0;
    file.append(&entry(1), Durable::Yes).unwrap();
    file.append(&entry(2), Durable::Yes).unwrap();
    file.syncing_with(|_| Err(io::ErrorKind::StorageFull.into()));
    file.replace(&[entry(2)]).unwrap_err();
    // The new one is there, and might be gone after a power failure: nothing can be promised on it.
    file.append(&entry(3), Durable::No).unwrap();
    file.append(&entry(4), Durable::Yes).unwrap_err();
    file.syncing_with(private::sync_folder);
    file.append(&entry(5), Durable::Yes).unwrap();
    drop(file);
    let (_, entries, notes) = JournalFile::open(path, u64::MAX).unwrap();
    assert_eq!((entries, notes.len()), (vec![entry(2), entry(3), entry(5)], 0));
}

fn a_step() -> crate::deploy::Step {
    crate::deploy::Step { name: "drain", took: Duration::from_micros(7) }
}

#[test]
fn later_steps_are_found_with_their_deployment() {
    let journal = Journal::in_memory();
    journal.commit(&committing(1, &[("comments", 1)])).unwrap();
    journal.later(&crate::deploy::LaterStep {
        deployment: 1,
        instance: id("comments", 1),
        name: "drain",
        took: Duration::from_micros(7),
        trouble: Some("one was cancelled".to_owned()),
    });
    let later = &journal.history(1)[0].later[0];
    assert_eq!((later.instance.as_deref(), later.took_us), (Some("comments@main#1"), 7));
}
