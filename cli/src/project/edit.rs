//! A change of several files: all of it, or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result};

use crate::failure::Failure;
use crate::file::{not_written, replace, with_ends_of};
use crate::project::interrupt::Interrupt;

/// What is to be written and taken away.
#[derive(Debug, Default)]
pub(super) struct Edit {
    writes: BTreeMap<PathBuf, String>,
    /// With the folder of the workspace that each is in.
    removed_folders: BTreeMap<PathBuf, PathBuf>,
    watched: BTreeSet<PathBuf>,
}

/// An edit that stands on the disk. Unless it is kept, it is undone.
#[derive(Debug, Default)]
#[must_use = "it is undone where it is dropped"]
pub(super) struct Applied {
    /// What stood in each file, the newest last.
    before: Vec<(PathBuf, Option<Vec<u8>>)>,
    made_folders: Vec<PathBuf>,
    /// Folders that were taken away, with where they wait.
    moved: Vec<(PathBuf, PathBuf)>,
    interrupt: Interrupt,
    is_kept: bool,
}

impl Edit {
    /// Writes a file.
    pub(super) fn write(&mut self, file: impl Into<PathBuf>, text: impl Into<String>) {
        self.writes.insert(file.into(), text.into());
    }

    /// Removes a folder of a workspace, with all that is in it.
    pub(super) fn remove_folder(&mut self, folder: impl Into<PathBuf>, root: impl Into<PathBuf>) {
        self.removed_folders.insert(folder.into(), root.into());
    }

    /// Puts a file back where the edit is undone, which another program may write meanwhile.
    pub(super) fn watch(&mut self, file: impl Into<PathBuf>) {
        self.watched.insert(file.into());
    }

    /// Carries it out, and keeps it where `check` finds nothing wrong with what is there then. Else, and where
    /// somebody interrupts it, all is as it was.
    pub(super) fn carry_out<T>(self, check: impl FnOnce(&Applied) -> Result<T>) -> Result<T> {
        let interrupt = Interrupt::listen();
        let mut applied = self.apply()?;
        applied.interrupt = interrupt;
        let checked = check(&applied)?;
        applied.keep()?;
        Ok(checked)
    }

    /// Refuses to touch what has uncommitted changes, which an undo by git would lose.
    pub(super) fn must_be_clean(&self, root: &Path, allow_dirty: bool) -> Result<()> {
        let changed: Vec<_> = self.changed().filter(|(_, _, before)| before.is_some()).map(|(file, ..)| file).collect();
        if allow_dirty || (changed.is_empty() && self.removed_folders.is_empty()) {
            return Ok(());
        }
        let mut git = Command::new("git");
        git.args(["status", "--porcelain", "--untracked-files=all", "--"]).current_dir(root);
        git.args(changed).args(self.removed_folders.keys());
        // Without git, or outside of a repository, there is nothing to compare with.
        let Ok(output) = git.output() else { return Ok(()) };
        let told = String::from_utf8_lossy(&output.stdout);
        let files: Vec<_> = told.lines().filter_map(|line| line.get(3..)).collect();
        if !output.status.success() || files.is_empty() {
            return Ok(());
        }
        Err(Failure::error(
            "uncommitted-changes",
            format!("this would change files with uncommitted changes: {}", files.join(", ")),
            "commit them, or go on all the same: --allow-dirty",
        ))
    }

    /// The files whose text is not what it is to be, with what they hold now; what is not there yet comes first, so
    /// that nothing names it before it is there.
    fn changed(&self) -> impl Iterator<Item = (&PathBuf, String, Option<Vec<u8>>)> {
        let files = self.writes.iter().map(|(file, text)| {
            let before = fs::read(file).ok();
            (file, with_ends_of(before.as_deref().unwrap_or_default(), text), before)
        });
        let mut changed: Vec<_> =
            files.filter(|(_, text, before)| before.as_deref() != Some(text.as_bytes())).collect();
        changed.sort_by_key(|(_, _, before)| before.is_some());
        changed.into_iter()
    }

    fn apply(self) -> Result<Applied> {
        let mut applied = Applied::default();
        for file in &self.watched {
            applied.before.push((file.clone(), before(file).map_err(|error| not_written(file, &error))?));
        }
        for (file, text, _) in self.changed() {
            applied.write(file, &text).map_err(|error| not_written(file, &error))?;
        }
        for (folder, root) in &self.removed_folders {
            applied.take_away(folder, root).map_err(|error| not_written(folder, &error))?;
        }
        Ok(applied)
    }
}

fn before(file: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(file) {
        Ok(before) => Ok(Some(before)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Applied {
    /// Runs a program that looks at what is there now. It ends where somebody interrupts the tool.
    ///
    /// # Errors
    ///
    /// Where it cannot be run, or was interrupted.
    pub(super) fn output(&self, program: &mut Command) -> Result<Output> {
        self.interrupt.output(program)
    }

    fn write(&mut self, file: &Path, text: &str) -> io::Result<()> {
        self.make(file.parent().unwrap_or(Path::new(".")))?;
        let before = before(file)?;
        replace(file, text)?;
        self.before.push((file.to_owned(), before));
        Ok(())
    }

    fn make(&mut self, folder: &Path) -> io::Result<()> {
        if folder.as_os_str().is_empty() || folder.is_dir() {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.make(parent)?;
        }
        fs::create_dir(folder)?;
        self.made_folders.push(folder.to_owned());
        Ok(())
    }

    /// Moves a folder to where no pattern of the workspace's members takes it for one of them.
    fn take_away(&mut self, folder: &Path, root: &Path) -> io::Result<()> {
        let away = root.join(format!(".bedplate-removed-{}", std::process::id()));
        self.make(&away)?;
        let waits = away.join(self.moved.len().to_string());
        fs::rename(folder, &waits)?;
        self.moved.push((folder.to_owned(), waits));
        Ok(())
    }

    /// It stays.
    fn keep(mut self) -> Result<()> {
        self.interrupt.check()?;
        self.is_kept = true;
        for (folder, waits) in std::mem::take(&mut self.moved) {
            let removed = fs::remove_dir_all(&waits);
            // Where more folders wait in it, the last one takes it along.
            let _ = waits.parent().map(fs::remove_dir);
            removed.with_context(|| {
                format!("{} was taken out, and {} cannot be removed", folder.display(), waits.display())
            })?;
        }
        Ok(())
    }
}

impl Drop for Applied {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        let mut left = Vec::new();
        for (folder, waits) in self.moved.drain(..).rev() {
            if fs::rename(&waits, &folder).is_err() {
                left.push(format!("{} (it is in {})", folder.display(), waits.display()));
            }
        }
        for (file, before) in self.before.drain(..).rev() {
            if put_back(&file, before).is_err() {
                left.push(file.display().to_string());
            }
        }
        for folder in self.made_folders.drain(..).rev() {
            // Not empty: somebody else has put something there meanwhile.
            let _ = fs::remove_dir(folder);
        }
        if !left.is_empty() {
            eprintln!("warning: not all could be undone: {}", left.join(", "));
        }
    }
}

fn put_back(file: &Path, before: Option<Vec<u8>>) -> io::Result<()> {
    match before {
        Some(before) if fs::read(file).is_ok_and(|now| now == before) => Ok(()),
        Some(before) => fs::write(file, before),
        None => match fs::remove_file(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_not_kept_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join("old"), "before").unwrap();
        fs::create_dir_all(root.join("gone/deep")).unwrap();
        fs::write(root.join("gone/deep/file"), "here").unwrap();
        let edit = || {
            let mut edit = Edit::default();
            edit.write(root.join("old"), "after");
            edit.write(root.join("new/deep/file"), "new");
            edit.remove_folder(root.join("gone"), root);
            edit
        };
        drop(edit().apply().unwrap());
        assert_eq!(fs::read_to_string(root.join("old")).unwrap(), "before");
        assert_eq!(fs::read_to_string(root.join("gone/deep/file")).unwrap(), "here");
        assert_eq!(names(root), ["gone", "old"]);

        edit().apply().unwrap().keep().unwrap();
        assert_eq!(fs::read_to_string(root.join("old")).unwrap(), "after");
        assert_eq!(names(root), ["new", "old"]);
    }

    #[test]
    fn a_part_that_fails_takes_the_others_back() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fs::write(root.join("a"), "before").unwrap();
        let mut edit = Edit::default();
        edit.write(root.join("a"), "after");
        // A file stands where a folder has to be.
        edit.write(root.join("a/b"), "never");
        assert!(edit.apply().is_err());
        assert_eq!(fs::read_to_string(root.join("a")).unwrap(), "before");
        assert_eq!(names(root), ["a"]);
    }

    #[test]
    fn uncommitted_changes_are_named() {
        if !crate::testing::has_git("uncommitted_changes_are_named") {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| {
            let run = Command::new("git").args(arguments).current_dir(folder.path()).output().unwrap();
            assert!(run.status.success(), "{run:?}");
        };
        git(&["init", "--quiet"]);
        fs::write(folder.path().join("Cargo.toml"), "one").unwrap();
        git(&["add", "."]);
        git(&["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "-m", "one"]);
        let mut edit = Edit::default();
        edit.write(folder.path().join("Cargo.toml"), "two");
        edit.write(folder.path().join("new.rs"), "");
        edit.must_be_clean(folder.path(), false).unwrap();
        let mut same = Edit::default();
        same.write(folder.path().join("Cargo.toml"), "edited");
        fs::write(folder.path().join("Cargo.toml"), "edited").unwrap();
        let error = edit.must_be_clean(folder.path(), false).unwrap_err();
        assert!(error.to_string().contains("Cargo.toml") && !error.to_string().contains("new.rs"), "{error}");
        edit.must_be_clean(folder.path(), true).unwrap();
        // A file that stays as it is may have them.
        same.must_be_clean(folder.path(), false).unwrap();
    }

    #[test]
    fn what_others_write_meanwhile_is_put_back() {
        let folder = tempfile::tempdir().unwrap();
        let [lock, made] = ["Cargo.lock", "made.lock"].map(|name| folder.path().join(name));
        fs::write(&lock, "before").unwrap();
        let mut edit = Edit::default();
        edit.watch(&lock);
        edit.watch(&made);
        let failed: Result<()> = edit.carry_out(|_| {
            fs::write(&lock, "resolved").unwrap();
            fs::write(&made, "resolved").unwrap();
            Err(Failure::error("no", "no", ""))
        });
        assert!(failed.is_err());
        assert_eq!(fs::read_to_string(&lock).unwrap(), "before");
        assert_eq!(names(folder.path()), ["Cargo.lock"]);
    }

    #[test]
    fn files_keep_the_ends_of_their_lines() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("Cargo.toml");
        fs::write(&file, "a = 1\r\n").unwrap();
        let mut edit = Edit::default();
        edit.write(&file, "a = 1\nb = 2\n");
        edit.carry_out(|_| Ok(())).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "a = 1\r\nb = 2\r\n");
    }
}
