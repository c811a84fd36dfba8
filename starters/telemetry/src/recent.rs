//! The last lines of each module, kept in memory for those who look at a base that runs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bedplate::ModuleName;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::watch;

use crate::line::{Colour, Line};

/// Lines that a module, or the base about it, has logged, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecentLines {
    /// The lines that are kept, and were asked for.
    pub lines: Vec<RecentLine>,
    /// How many that were asked for are kept no longer.
    pub missed: u64,
    /// The number of the newest line: what the next question asks for all after.
    pub last: u64,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RecentLine {
    /// Its number among the lines of its module: 1 for the first, and without gaps.
    pub sequence: u64,
    /// The line as people read it, without colours and without the last line break.
    pub text: String,
    /// The line as one object, with the fields that the format `json` writes.
    pub object: Value,
}

/// How much is kept of each module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keep {
    pub(crate) lines: usize,
    /// Bytes of memory, about.
    pub(crate) bytes: usize,
}

/// The last lines of all modules that a base of this process holds.
///
/// Rings are made for modules that a base has, and not for what a line says: anybody can log a field of
/// the name `module`.
#[derive(Debug)]
pub(crate) struct Recent {
    keep: Keep,
    rings: RwLock<BTreeMap<String, Held>>,
}

/// The ring of one module, with the bases that have the module.
#[derive(Debug)]
struct Held {
    ring: Arc<Ring>,
    bases: BTreeSet<u64>,
}

/// The last lines of one module.
#[derive(Debug)]
struct Ring {
    kept: Mutex<Kept>,
    /// The number of the newest line.
    last: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<(Arc<Line>, usize)>,
    bytes: usize,
    /// The number of the newest line, kept or not.
    last: u64,
}

impl Recent {
    pub(crate) fn new(keep: Keep) -> Self {
        Self { keep, rings: RwLock::default() }
    }

    /// From now on lines of the module are kept, for this base.
    pub(crate) fn hold(&self, base: u64, module: &ModuleName) {
        let mut rings = self.rings.write().unwrap_or_else(PoisonError::into_inner);
        let held = rings
            .entry(module.to_string())
            .or_insert_with(|| Held { ring: Arc::new(Ring::new()), bases: BTreeSet::new() });
        held.bases.insert(base);
    }

    /// The base has these modules no longer; the lines of those that no other base has are forgotten.
    pub(crate) fn let_go(&self, base: u64, which: impl Fn(&str) -> bool) {
        let mut rings = self.rings.write().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<_> = rings
            .extract_if(.., |module, held| which(module) && held.bases.remove(&base) && held.bases.is_empty())
            .collect();
        drop(rings);
        drop(gone);
    }

    /// Keeps a line, where it is of a module that a base has.
    pub(crate) fn keep(&self, line: Line) {
        if self.keep.lines == 0 {
            return;
        }
        if let Some(ring) = line.module().and_then(|module| self.ring(module)) {
            ring.push(line, self.keep);
        }
    }

    /// The lines of a module whose numbers are greater than `after`; `None` where the base has no such module.
    pub(crate) fn after(&self, base: u64, module: &ModuleName, after: u64) -> Option<RecentLines> {
        Some(self.ring_of(base, module)?.after(after))
    }

    /// The same, as soon as there is one, or the module is gone.
    pub(crate) async fn follow(&self, base: u64, module: &ModuleName, after: u64) -> Option<RecentLines> {
        let mut last = self.ring_of(base, module)?.last.subscribe();
        // A number that was never given out is from another life of the base: all is news.
        if *last.borrow() == after {
            // It fails where the ring is gone; there is nothing more to wait for then.
            let _ = last.wait_for(|last| *last != after).await;
        }
        self.after(base, module, after)
    }

    fn ring(&self, module: &str) -> Option<Arc<Ring>> {
        self.rings.read().unwrap_or_else(PoisonError::into_inner).get(module).map(|held| held.ring.clone())
    }

    fn ring_of(&self, base: u64, module: &ModuleName) -> Option<Arc<Ring>> {
        let rings = self.rings.read().unwrap_or_else(PoisonError::into_inner);
        rings.get(module.as_str()).filter(|held| held.bases.contains(&base)).map(|held| held.ring.clone())
    }
}

impl Ring {
    fn new() -> Self {
        Self { kept: Mutex::default(), last: watch::Sender::new(0) }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: Line, keep: Keep) {
        let bytes = line.bytes();
        let line = Arc::new(line);
        let mut kept = self.kept();
        kept.last += 1;
        kept.bytes += bytes;
        kept.lines.push_back((line, bytes));
        let mut gone = Vec::new();
        while kept.lines.len() > keep.lines || kept.bytes > keep.bytes {
            let Some((line, bytes)) = kept.lines.pop_front() else { break };
            kept.bytes -= bytes;
            gone.push(line);
        }
        // Under the lock, so that the numbers are told in order.
        self.last.send_replace(kept.last);
        drop(kept);
        drop(gone);
    }

    fn after(&self, after: u64) -> RecentLines {
        let (lines, first, after, last) = {
            let kept = self.kept();
            let after = if after > kept.last { 0 } else { after };
            let oldest = kept.last - kept.lines.len() as u64 + 1;
            let first = oldest.max(after + 1);
            let skipped = usize::try_from(first - oldest).unwrap_or(usize::MAX);
            let lines: Vec<_> = kept.lines.iter().skip(skipped).map(|(line, _)| line.clone()).collect();
            (lines, first, after, kept.last)
        };
        // Written after the lock is free: whoever logs does not wait for whoever looks.
        let lines = (first..).zip(&lines).map(|(sequence, line)| RecentLine {
            sequence,
            text: line.human(Colour::Plain),
            object: line.object(),
        });
        RecentLines { lines: lines.collect(), missed: first - after - 1, last }
    }
}
