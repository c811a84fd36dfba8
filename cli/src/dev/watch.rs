//! Watching files: saves that come together are one batch.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use notify::event::{EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};

/// How long nothing more may be saved before a batch is complete.
const DEBOUNCE: Duration = Duration::from_millis(20);
/// How long a batch may grow: something that writes all the time is not waited for.
const LONGEST: Duration = Duration::from_millis(500);

/// What `dev` is woken by.
#[derive(Debug)]
pub(crate) enum Event {
    /// Files were saved, made or removed.
    Changed(Vec<PathBuf>),
    /// Somebody asked the tool to end.
    Interrupted,
}

/// Files that were saved together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) files: BTreeSet<PathBuf>,
    /// When the first was saved, as far as the tool was told.
    pub(crate) since: Instant,
}

/// What happened next.
#[derive(Debug)]
pub(crate) enum Happened {
    Saved(Batch),
    /// Nothing, for the time that was given.
    Nothing,
    Interrupted,
}

/// Watches folders, with all that is in them.
pub(crate) struct Watch {
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    events: Receiver<Event>,
    /// For what else wakes `dev`.
    pub(crate) sender: Sender<Event>,
}

impl Watch {
    /// Watches nothing yet.
    pub(crate) fn new() -> Result<Self> {
        let (sender, events) = channel();
        let to = sender.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if let Ok(event) = event
                && is_change(event.kind)
            {
                // The receiver is gone when `dev` ends.
                let _ = to.send(Event::Changed(event.paths));
            }
        });
        let watcher = watcher
            .context("files cannot be watched: the system may be short of watches (fs.inotify.max_user_watches)")?;
        Ok(Self { watcher, folders: BTreeSet::new(), events, sender })
    }

    /// Watches these folders from now on, beside those that it watches.
    pub(crate) fn add(&mut self, folders: impl IntoIterator<Item = PathBuf>, mode: RecursiveMode) -> Result<()> {
        for folder in folders {
            // One inside another is watched with it.
            let is_watched = self.folders.iter().any(|watched| folder.starts_with(watched));
            if is_watched || !folder.is_dir() {
                continue;
            }
            self.watcher.watch(&folder, mode).with_context(|| format!("{} cannot be watched", folder.display()))?;
            if mode == RecursiveMode::Recursive {
                self.folders.insert(folder);
            }
        }
        Ok(())
    }

    /// Waits for the next batch of saves, for `limit` at most.
    pub(crate) fn next(&self, limit: Duration, is_wanted: impl Fn(&Path) -> bool) -> Happened {
        let mut batch: Option<Batch> = None;
        let begun = Instant::now();
        loop {
            let wait = match &batch {
                Some(batch) => DEBOUNCE.min(LONGEST.saturating_sub(batch.since.elapsed())),
                None => limit.saturating_sub(begun.elapsed()),
            };
            match self.events.recv_timeout(wait) {
                Ok(Event::Interrupted) => return Happened::Interrupted,
                Ok(Event::Changed(files)) => {
                    let mut files = files.into_iter().filter(|file| is_wanted(file)).peekable();
                    if files.peek().is_some() {
                        let batch =
                            batch.get_or_insert_with(|| Batch { files: BTreeSet::new(), since: Instant::now() });
                        batch.files.extend(files);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return batch.map_or(Happened::Nothing, Happened::Saved),
                Err(RecvTimeoutError::Disconnected) => return Happened::Interrupted,
            }
        }
    }
}

/// Whether an event is about what is in a file; reading it is none.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Any => true,
        EventKind::Modify(what) => !matches!(what, ModifyKind::Metadata(_)),
        EventKind::Access(_) | EventKind::Other => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch() -> Watch {
        Watch::new().unwrap()
    }

    #[test]
    fn saves_that_come_together_are_one_batch() {
        let watch = watch();
        for name in ["a.rs", "b.rs", "c.swp"] {
            watch.sender.send(Event::Changed(vec![name.into()])).unwrap();
        }
        let Happened::Saved(batch) =
            watch.next(Duration::from_secs(60), |file| file.extension().is_some_and(|end| end == "rs"))
        else {
            panic!("something was saved")
        };
        assert_eq!(batch.files.iter().map(|file| file.to_str().unwrap()).collect::<Vec<_>>(), ["a.rs", "b.rs"]);
        assert!(matches!(watch.next(Duration::ZERO, |_| true), Happened::Nothing));
    }

    #[test]
    fn an_interruption_comes_first() {
        let watch = watch();
        watch.sender.send(Event::Interrupted).unwrap();
        assert!(matches!(watch.next(Duration::from_secs(60), |_| true), Happened::Interrupted));
    }

    #[test]
    fn a_real_save_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = watch();
        watch.add([folder.path().to_owned()], RecursiveMode::Recursive).unwrap();
        let file = folder.path().join("lib.rs");
        std::fs::write(&file, "text").unwrap();
        let Happened::Saved(batch) = watch.next(Duration::from_secs(60), |_| true) else { panic!("a file was saved") };
        assert!(batch.files.iter().any(|saved| saved.ends_with("lib.rs")), "{batch:?}");
    }
}
