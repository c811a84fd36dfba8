//! A change of several files: all of it, or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::failure::Failure;

/// What is to be written and taken away.
#[derive(Debug, Default)]
pub(super) struct Edit {
    writes: BTreeMap<PathBuf, String>,
    removed_folders: BTreeSet<PathBuf>,
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
    is_kept: bool,
}

impl Edit {
    /// Writes a file.
    pub(super) fn write(&mut self, file: impl Into<PathBuf>, text: impl Into<String>) {
        self.writes.insert(file.into(), text.into());
    }

    /// Removes a folder, with all that is in it.
    pub(super) fn remove_folder(&mut self, folder: impl Into<PathBuf>) {
        self.removed_folders.insert(folder.into());
    }

    /// Refuses to touch what has uncommitted changes, which an undo by git would lose.
    pub(super) fn must_be_clean(&self, root: &Path, allow_dirty: bool) -> Result<()> {
        if allow_dirty {
            return Ok(());
        }
        let mut git = Command::new("git");
        git.args(["status", "--porcelain", "--untracked-files=all", "--"]).current_dir(root);
        // What is not there yet cannot have changes.
        git.args(self.writes.keys().filter(|file| file.exists())).args(&self.removed_folders);
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

    /// Carries it out. Where a part of it does not work, all is as it was.
    pub(super) fn apply(self) -> Result<Applied> {
        let mut applied = Applied::default();
        for (file, text) in &self.writes {
            applied.write(file, text).with_context(|| format!("{} cannot be written", file.display()))?;
        }
        for folder in &self.removed_folders {
            applied.take_away(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
        }
        Ok(applied)
    }
}

impl Applied {
    fn write(&mut self, file: &Path, text: &str) -> io::Result<()> {
        let folder = file.parent().unwrap_or(Path::new("."));
        self.make(folder)?;
        let before = match fs::read(file) {
            Ok(before) => Some(before),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut beside = tempfile::NamedTempFile::new_in(folder)?;
        io::Write::write_all(&mut beside, text.as_bytes())?;
        // A file of the tool's is as readable as any other.
        let mode = fs::metadata(file).map(|about| about.permissions());
        #[cfg(unix)]
        let mode = mode.or_else(|_| Ok::<_, io::Error>(std::os::unix::fs::PermissionsExt::from_mode(0o644)));
        if let Ok(mode) = mode {
            fs::set_permissions(beside.path(), mode)?;
        }
        beside.persist(file).map_err(|error| error.error)?;
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

    fn take_away(&mut self, folder: &Path) -> io::Result<()> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let waits = folder.with_file_name(format!(".{name}.removed-{}", std::process::id()));
        fs::rename(folder, &waits)?;
        self.moved.push((folder.to_owned(), waits));
        Ok(())
    }

    /// It stays.
    pub(super) fn keep(mut self) -> Result<()> {
        self.is_kept = true;
        for (folder, waits) in std::mem::take(&mut self.moved) {
            fs::remove_dir_all(&waits).with_context(|| {
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
            let undone = match before {
                Some(before) => fs::write(&file, before),
                None => fs::remove_file(&file),
            };
            if undone.is_err() {
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
            edit.remove_folder(root.join("gone"));
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
        fs::write(folder.path().join("Cargo.toml"), "edited").unwrap();
        let error = edit.must_be_clean(folder.path(), false).unwrap_err();
        assert!(error.to_string().contains("Cargo.toml") && !error.to_string().contains("new.rs"), "{error}");
        edit.must_be_clean(folder.path(), true).unwrap();
    }
}
