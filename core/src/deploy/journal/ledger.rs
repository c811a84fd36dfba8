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

pub(super) struct Kept {
    file: Option<JournalFile>,
    pub(super) entries: Vec<Entry>,
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

    pub(super) fn open_with(path: PathBuf, limit: u64) -> io::Result<(Self, Vec<Note>)> {
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

    /// The objects that serve or have served, as far back as the journal goes, and those that would have.
    pub(crate) fn served(&self) -> BTreeSet<Digest> {
        let kept = self.kept();
        let committed = kept.committed().into_iter();
        let digests = committed
            .flat_map(|one| one.members.iter().filter_map(|member| member.digest).chain(one.absent.values().copied()));
        digests.collect()
    }

    /// The modules that the base has, or had, as far back as the journal goes.
    pub(crate) fn modules(&self) -> BTreeSet<String> {
        let kept = self.kept();
        let committed = kept.committed().into_iter();
        let names = committed.flat_map(|one| {
            let serve = one.members.iter().map(|member| &member.module);
            serve.chain(one.absent.keys()).chain(&one.removed).cloned()
        });
        names.collect()
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

    pub(super) fn kept(&self) -> MutexGuard<'_, Kept> {
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
        let keep = match &self.file {
            // How much fits is asked only then: it takes all lines anew.
            Some(file) if file.is_full() => self.newest_within(file.half()),
            None if self.entries.len() > LINES_IN_MEMORY => LINES_IN_MEMORY / 2,
            _ => return,
        };
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
            // What is on disk is what it was, or shorter as it should be: the lines that are needed are in both.
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
    let waiting = committing.waiting.iter().map(ToString::to_string).collect();
    let absent: BTreeMap<_, _> = committing
        .absent
        .iter()
        .filter_map(|spec| Some((spec.name().to_string(), spec.origin().object()?.digest())))
        .collect();
    let belongs = |name: &String| {
        members.iter().any(|member| member.module == *name)
            || committing.absent.iter().any(|spec| spec.name().as_str() == name)
    };
    let names = |ids: &[InstanceId]| ids.iter().map(|id| id.module.to_string()).collect::<BTreeSet<_>>();
    let mut removed = last.map(|last| last.removed.clone()).unwrap_or_default();
    removed.extend(committing.removed.iter().map(ToString::to_string));
    removed.retain(|name| !belongs(name));
    let changed = [&committing.came, &committing.revived, &committing.replaced].into_iter().flat_map(|ids| names(ids));
    Committed {
        number,
        at_ms: now_ms(),
        deployment: committing.deployment,
        composition: committing.composition,
        asked: asked(committing.source.as_ref(), committing.occasion),
        waiting,
        absent,
        removed,
        changed: changed.collect(),
        members,
        bundle: approved.bundle,
        sequences: approved.sequences,
        settings: approved.settings,
    }
}
