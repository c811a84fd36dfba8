//! The journal of a base: what the engine reports, kept in order, and asked for what served.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use super::entry::{Asked, Committed, Ended, Entry, Later, Member, Outcome, ProblemRecord, Started, StepRecord};
use super::file::JournalFile;
use super::history::{Deployment, deployments};
use crate::Result;
use crate::deploy::image::Digest;
use crate::deploy::operations::Note;
use crate::deploy::store::now_ms;
use crate::deploy::store::private::Durable;
use crate::deploy::{Committing, DeploymentOutcome, Ledger, Occasion};
use crate::module::InstanceId;
use crate::sync::lock;

/// How long the file may become, in bytes. It holds some hundred deployments of a large base.
const LIMIT: u64 = 4 * 1024 * 1024;

/// How many lines are kept where there is no file.
const LINES_IN_MEMORY: usize = 1000;

/// A last look at what is about to serve, in its turn: what was checked before may have been overtaken.
pub(crate) trait Guard: Send + Sync + 'static {
    /// What is committed beside what the engine knows.
    ///
    /// # Errors
    ///
    /// Why it must not serve.
    fn approve(&self, committing: &Committing, last: Option<&Committed>) -> Result<Approved>;
}

/// What is committed beside what the engine knows.
#[derive(Debug, Default)]
pub(crate) struct Approved {
    /// What the bundle holds for each module.
    pub(crate) bundle: BTreeMap<String, Digest>,
    /// The sequence that the last signed object of each module was signed with.
    pub(crate) sequences: BTreeMap<String, u64>,
    /// The digest of the settings, where they change.
    pub(crate) settings: Option<Digest>,
}

/// The journal of a base. All clones are the same one.
#[derive(Clone)]
pub(crate) struct Journal {
    kept: Arc<Mutex<Kept>>,
    guard: Option<Arc<dyn Guard>>,
}

struct Kept {
    file: Option<JournalFile>,
    entries: Vec<Entry>,
}

impl Journal {
    /// A journal without a file: for a base that has nothing to come back with.
    pub(crate) fn in_memory() -> Self {
        Self { kept: Arc::new(Mutex::new(Kept { file: None, entries: Vec::new() })), guard: None }
    }

    /// Opens the journal in this file.
    pub(crate) fn open(path: PathBuf) -> io::Result<(Self, Vec<Note>)> {
        Self::open_with(path, LIMIT)
    }

    fn open_with(path: PathBuf, limit: u64) -> io::Result<(Self, Vec<Note>)> {
        let (file, entries, notes) = JournalFile::open(path, limit)?;
        Ok((Self { kept: Arc::new(Mutex::new(Kept { file: Some(file), entries })), guard: None }, notes))
    }

    /// The same journal, which asks this guard before it commits.
    pub(crate) fn guarded(mut self, guard: Arc<dyn Guard>) -> Self {
        self.guard = Some(guard);
        self
    }

    /// A process has begun.
    pub(crate) fn started(&self, base_fingerprint: &str) -> io::Result<()> {
        let bedplate = env!("CARGO_PKG_VERSION").to_owned();
        let base_fingerprint = base_fingerprint.to_owned();
        self.kept().append(Entry::Started(Started { at_ms: now_ms(), bedplate, base_fingerprint }), Durable::No)
    }

    /// What a base that starts now comes back with; `None` where nothing was ever committed.
    pub(crate) fn last_committed(&self) -> Option<Committed> {
        self.kept().committed().last().copied().cloned()
    }

    /// All that was committed and not taken back, the oldest first.
    pub(crate) fn committed(&self) -> Vec<Committed> {
        self.kept().committed().into_iter().cloned().collect()
    }

    /// The deployments that are on record, the newest first.
    pub(crate) fn history(&self, limit: usize) -> Vec<Deployment> {
        let mut all = deployments(&self.kept().entries);
        all.reverse();
        all.truncate(limit);
        all
    }

    /// From now on nothing can be written.
    #[cfg(all(test, target_os = "linux"))]
    pub(crate) fn fill_the_disk(&self) {
        let full = std::fs::File::options().append(true).open("/dev/full").expect("Linux has it");
        self.kept().file = Some(JournalFile::on(full));
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }

    fn note(&self, entry: Entry, durable: Durable) {
        if let Err(error) = self.kept().append(entry, durable) {
            tracing::error!(target: "bedplate::deploy", "the journal could not be written: {error}");
        }
    }
}

impl Kept {
    fn append(&mut self, entry: Entry, durable: Durable) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            file.append(&entry, durable)?;
        }
        self.entries.push(entry);
        self.rotate();
        Ok(())
    }

    /// Committed, in order, without what was taken back.
    fn committed(&self) -> Vec<&Committed> {
        let mut committed: Vec<&Committed> = Vec::new();
        let mut process = 0;
        for entry in &self.entries {
            match entry {
                Entry::Started(_) => process = committed.len(),
                Entry::Committed(one) => committed.push(one),
                Entry::Ended(ended) if ended.outcome == Outcome::TakenBack => {
                    let of_process = committed[process..].iter().rposition(|one| one.deployment == ended.deployment);
                    if let Some(place) = of_process {
                        committed.remove(process + place);
                    }
                }
                Entry::Ended(_) | Entry::Later(_) => {}
            }
        }
        committed
    }

    /// Drops the oldest lines where there are too many. What was committed last is never lost.
    fn rotate(&mut self) {
        let (is_full, keep) = match &self.file {
            Some(file) => (file.is_full(), self.newest_within(file.half())),
            None => (self.entries.len() > LINES_IN_MEMORY, LINES_IN_MEMORY / 2),
        };
        if !is_full {
            return;
        }
        let first = self.entries.len() - keep;
        let committed = self.committed().last().map(|last| last.number);
        let is_last = |entry: &Entry| matches!(entry, Entry::Committed(one) if Some(one.number) == committed);
        let started = self.entries.iter().rposition(|entry| matches!(entry, Entry::Started(_)));
        let needed: BTreeSet<_> = self.entries.iter().rposition(is_last).into_iter().chain(started).collect();
        let mut index = 0;
        let mut entries = std::mem::take(&mut self.entries);
        entries.retain(|_| {
            index += 1;
            index > first || needed.contains(&(index - 1))
        });
        if let Some(file) = &mut self.file
            && let Err(error) = file.replace(&entries)
        {
            // It is as it was, and only longer than it should be.
            tracing::warn!(target: "bedplate::deploy", "the journal could not be shortened: {error}");
        }
        self.entries = entries;
    }

    fn next_number(&self) -> u64 {
        let numbers = self.entries.iter().filter_map(|entry| match entry {
            Entry::Committed(one) => Some(one.number),
            _ => None,
        });
        numbers.max().unwrap_or(0) + 1
    }

    /// How many of the newest entries take so many bytes.
    fn newest_within(&self, limit: u64) -> usize {
        let mut left = limit;
        let fits = self.entries.iter().rev().take_while(|entry| {
            let length = serde_json::to_string(entry).map_or(0, |text| text.len() as u64);
            let fits = length <= left;
            left = left.saturating_sub(length);
            fits
        });
        fits.count()
    }
}

impl Ledger for Journal {
    fn commit(&self, committing: &Committing) -> Result<()> {
        let last = self.last_committed();
        let approved = match &self.guard {
            Some(guard) => guard.approve(committing, last.as_ref())?,
            None => Approved::default(),
        };
        let mut kept = self.kept();
        let entry = committed(kept.next_number(), committing, last.as_ref(), approved);
        kept.append(Entry::Committed(entry), Durable::Yes)?;
        Ok(())
    }

    fn ended(&self, ended: &crate::deploy::Ended) {
        let (outcome, problems) = match &ended.outcome {
            DeploymentOutcome::Serves(_) => (Outcome::Served, &[][..]),
            DeploymentOutcome::Failed(error) => (Outcome::Failed, &*error.problems),
            DeploymentOutcome::TakenBack(error) => (Outcome::TakenBack, &*error.problems),
        };
        // A restart is no deployment, unless it has something to tell.
        if ended.occasion == Occasion::Restart && outcome == Outcome::Served {
            return;
        }
        let entry = Ended {
            at_ms: now_ms(),
            deployment: ended.deployment,
            asked: asked(ended.source.as_ref(), ended.occasion),
            outcome,
            problems: problems.iter().map(ProblemRecord::from).collect(),
            steps: ended.steps.iter().map(StepRecord::from).collect(),
        };
        // What was taken back must not come back after a power failure.
        let durable = if outcome == Outcome::TakenBack { Durable::Yes } else { Durable::No };
        self.note(Entry::Ended(entry), durable);
    }

    fn later(&self, step: &crate::deploy::LaterStep) {
        self.note(Entry::Later(Later { deployment: step.deployment, step: step.into() }), Durable::No);
    }

    fn may_block(&self) -> bool {
        self.kept().file.is_some()
    }
}

fn asked(source: Option<&serde_json::Value>, occasion: Occasion) -> Asked {
    let mut asked: Asked = source.and_then(|source| serde_json::from_value(source.clone()).ok()).unwrap_or_default();
    if asked.operation.is_empty() {
        asked.operation = match occasion {
            Occasion::Start => "start",
            Occasion::Restart => "restart",
            Occasion::Asked => "deploy",
        }
        .to_owned();
    }
    asked
}

fn committed(number: u64, committing: &Committing, last: Option<&Committed>, approved: Approved) -> Committed {
    let members: Vec<_> = committing
        .members
        .iter()
        .map(|(id, spec)| {
            let object = spec.origin().object();
            Member {
                module: id.module.to_string(),
                scene: id.scene.to_string(),
                generation: id.generation,
                digest: object.map(|object| object.digest()),
                build_id: object.map(|object| object.build_id().clone()),
                source: object.map(|object| object.label().source.clone()).unwrap_or_default(),
            }
        })
        .collect();
    let waiting: Vec<_> = committing.waiting.iter().map(ToString::to_string).collect();
    let belongs = |name: &String| members.iter().any(|member| member.module == *name) || waiting.contains(name);
    let names = |ids: &[InstanceId]| ids.iter().map(|id| id.module.to_string()).collect::<BTreeSet<_>>();
    let mut removed = last.map(|last| last.removed.clone()).unwrap_or_default();
    // What settings leave out comes back with them; what somebody took out does not.
    if committing.settings.is_none() {
        removed.extend(names(&committing.replaced));
    }
    removed.retain(|name| !belongs(name));
    let changed = [&committing.came, &committing.revived, &committing.replaced].into_iter().flat_map(|ids| names(ids));
    Committed {
        number,
        at_ms: now_ms(),
        deployment: committing.deployment,
        composition: committing.composition,
        asked: asked(committing.source.as_ref(), committing.occasion),
        waiting,
        removed,
        changed: changed.collect(),
        members,
        bundle: approved.bundle,
        sequences: approved.sequences,
        settings: approved.settings,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::compose::{CompositionError, Problem};
    use crate::deploy::{Deployed, Ended as EngineEnded};
    use crate::descriptors::ModuleName;
    use crate::module::{Module, ModuleSpec};
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
        journal.commit(&Committing { replaced: vec![id("comments", 1)], ..committing(2, &[("articles", 1)]) }).unwrap();
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
}
