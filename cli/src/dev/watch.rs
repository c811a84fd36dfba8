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
    /// Folders that are watched with all that is in them.
    deep: BTreeSet<PathBuf>,
    /// Folders that are watched for what is directly in them; and of those the ones where a new folder is
    /// watched as it comes, since not all that is in them may be watched.
    flat: BTreeSet<PathBuf>,
    parted: BTreeSet<PathBuf>,
    /// What is not watched.
    apart: Vec<PathBuf>,
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
        Ok(Self {
            watcher,
            deep: BTreeSet::new(),
            flat: BTreeSet::new(),
            parted: BTreeSet::new(),
            apart: Vec::new(),
            events,
            sender,
        })
    }

    /// Watches these folders from now on, with all that is in them but for what stands `apart`: to watch a
    /// target folder costs a watch for each of its folders, and an event for each file of a build.
    pub(crate) fn add(&mut self, folders: impl IntoIterator<Item = PathBuf>, apart: &[PathBuf]) -> Result<()> {
        self.apart = apart.to_vec();
        folders.into_iter().try_for_each(|folder| self.add_deep(&folder))
    }

    /// Watches these folders from now on, for what is directly in them.
    pub(crate) fn add_flat(&mut self, folders: impl IntoIterator<Item = PathBuf>) -> Result<()> {
        folders.into_iter().try_for_each(|folder| self.add_one(&folder))
    }

    fn add_deep(&mut self, folder: &Path) -> Result<()> {
        if self.is_deep(folder) || self.apart.iter().any(|apart| folder.starts_with(apart)) {
            return Ok(());
        }
        if !self.apart.iter().any(|apart| apart.starts_with(folder)) {
            if folder.is_dir() {
                self.watcher
                    .watch(folder, RecursiveMode::Recursive)
                    .with_context(|| format!("{} cannot be watched", folder.display()))?;
                self.deep.insert(folder.to_owned());
            }
            return Ok(());
        }
        self.add_one(folder)?;
        self.parted.insert(folder.to_owned());
        let Ok(entries) = folder.read_dir() else { return Ok(()) };
        entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| is_followed(path))
            .try_for_each(|path| self.add_deep(&path))
    }

    fn add_one(&mut self, folder: &Path) -> Result<()> {
        if self.is_deep(folder) || self.flat.contains(folder) || !folder.is_dir() {
            return Ok(());
        }
        self.watcher
            .watch(folder, RecursiveMode::NonRecursive)
            .with_context(|| format!("{} cannot be watched", folder.display()))?;
        self.flat.insert(folder.to_owned());
        Ok(())
    }

    /// One inside another is watched with it.
    fn is_deep(&self, folder: &Path) -> bool {
        self.deep.iter().any(|watched| folder.starts_with(watched))
    }

    /// Goes on with what has come and gone in the folders that are watched.
    fn follow(&mut self, changed: &[PathBuf]) {
        for path in changed {
            let is_gone = !path.exists();
            if is_gone {
                // What comes again under its name is watched anew.
                self.deep.remove(path);
                self.flat.remove(path);
                self.parted.remove(path);
            } else if path.parent().is_some_and(|parent| self.parted.contains(parent)) && is_followed(path) {
                // One that cannot be watched is missed, and said by the next build.
                let _ = self.add_deep(path);
            }
        }
    }

    /// Waits for the next batch of saves, for `limit` at most.
    pub(crate) fn next(&mut self, limit: Duration, is_wanted: impl Fn(&Path) -> bool) -> Happened {
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
                    self.follow(&files);
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

/// Whether a folder in a watched one is watched with it.
fn is_followed(path: &Path) -> bool {
    path.is_dir() && !path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
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

    fn saved(watch: &mut Watch, file: &Path) -> BTreeSet<PathBuf> {
        std::fs::write(file, "text").unwrap();
        let is_it = file.to_owned();
        let Happened::Saved(batch) = watch.next(Duration::from_secs(60), |file| file == is_it) else {
            panic!("{} was saved", file.display())
        };
        batch.files
    }

    #[test]
    fn what_stands_apart_is_not_watched_and_what_comes_beside_it_is() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        for folder in ["src/deep", "target/debug", ".git"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let mut watch = watch();
        watch.add([root.to_owned()], &[root.join("target")]).unwrap();
        assert_eq!(watch.deep, BTreeSet::from([root.join("src")]));
        assert_eq!(watch.flat, BTreeSet::from([root.to_owned()]));
        std::fs::write(root.join("target/debug/output"), "").unwrap();
        std::fs::create_dir(root.join("target/more")).unwrap();
        // All events until this one are seen: there is none of the target folder.
        std::fs::write(root.join("src/deep/lib.rs"), "").unwrap();
        let Happened::Saved(batch) = watch.next(Duration::from_secs(60), |_| true) else { panic!("a file was saved") };
        assert_eq!(batch.files, BTreeSet::from([root.join("src/deep/lib.rs")]));
        // A folder that is made later.
        std::fs::create_dir(root.join("migrations")).unwrap();
        assert!(matches!(watch.next(Duration::from_secs(60), |path| path.ends_with("migrations")), Happened::Saved(_)));
        saved(&mut watch, &root.join("migrations/1.sql"));
    }

    #[test]
    fn saves_that_come_together_are_one_batch() {
        let mut watch = watch();
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
        let mut watch = watch();
        watch.sender.send(Event::Interrupted).unwrap();
        assert!(matches!(watch.next(Duration::from_secs(60), |_| true), Happened::Interrupted));
    }

    #[test]
    fn a_real_save_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let mut watch = watch();
        watch.add([folder.path().to_owned()], &[]).unwrap();
        let file = folder.path().join("lib.rs");
        std::fs::write(&file, "text").unwrap();
        let Happened::Saved(batch) = watch.next(Duration::from_secs(60), |_| true) else { panic!("a file was saved") };
        assert!(batch.files.iter().any(|saved| saved.ends_with("lib.rs")), "{batch:?}");
    }
}
