//! The revision that an object is built from, as git tells it.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use bedplate::deploy::image::SourceLabel;

/// What git says of a workspace, asked once for all of its modules; nothing where there is no git.
#[derive(Debug, Clone)]
pub(crate) struct Checkout {
    root: PathBuf,
    /// The folder of the whole repository.
    top: Option<PathBuf>,
    commit: Option<String>,
    branch: Option<String>,
    changes: Changes,
}

/// What differs from the commit.
#[derive(Debug, Clone)]
enum Changes {
    /// These files and folders.
    Of(BTreeSet<PathBuf>),
    /// Whatever is linked next: somebody has just saved it.
    Next,
}

impl Checkout {
    /// Asks about the commit, and about what differs from it in these folders.
    pub(crate) fn look(root: &Path, folders: &BTreeSet<PathBuf>) -> Self {
        let now = Self::glance(root);
        let mut changes = BTreeSet::new();
        if let Some(top) = &now.top {
            let status = ["status", "--porcelain", "-z", "--no-renames", "--"].map(OsString::from);
            let status = Git { root }.ask(status.into_iter().chain(now.inside(folders)));
            // Where git does not say what has changed, all may have.
            let status = status.unwrap_or_else(|| "   ".to_owned());
            // Two letters and a blank, and the path from the top of the repository.
            changes.extend(status.split('\0').filter_map(|line| line.get(3..)).map(|path| top.join(path)));
        }
        Self { changes: Changes::Of(changes), ..now }
    }

    /// Asks about the commit alone. What was linked already keeps the revision that it has, and what is linked
    /// next differs from the commit.
    pub(crate) fn glance(root: &Path) -> Self {
        let git = Git { root };
        Self {
            root: root.to_owned(),
            top: git.ask(["rev-parse", "--show-toplevel"]).map(PathBuf::from),
            commit: git.ask(["rev-parse", "HEAD"]),
            branch: git.ask(["symbolic-ref", "--quiet", "--short", "HEAD"]),
            changes: Changes::Next,
        }
    }

    /// The revision of something that is linked now, from these folders.
    pub(crate) fn source(&self, folders: &[PathBuf]) -> SourceLabel {
        match &self.commit {
            Some(commit) => {
                SourceLabel { commit: Some(commit.clone()), branch: self.branch.clone(), dirty: self.is_dirty(folders) }
            }
            None => SourceLabel::default(),
        }
    }

    /// Whether a label still tells the truth about something that was linked from these folders. A commit
    /// that does not touch them is no reason to link anew: the older one has the same sources.
    pub(crate) fn agrees(&self, label: &SourceLabel, folders: &[PathBuf]) -> bool {
        if matches!(self.changes, Changes::Next) {
            return true;
        }
        let (Some(now), Some(then)) = (&self.commit, &label.commit) else { return self.commit == label.commit };
        let is_dirty = self.is_dirty(folders);
        if now == then {
            return label.dirty == is_dirty;
        }
        let git = Git { root: &self.root };
        let differ = ["diff", "--quiet", then, now, "--"].map(OsString::from);
        !is_dirty
            && !label.dirty
            && git.ask(["merge-base", "--is-ancestor", then, now]).is_some()
            && git.ask(differ.into_iter().chain(self.inside(folders))).is_some()
    }

    fn is_dirty(&self, folders: &[PathBuf]) -> bool {
        let Changes::Of(changes) = &self.changes else { return true };
        self.inside(folders).map(PathBuf::from).any(|folder| {
            // A folder that is new as a whole is told by its own name.
            changes.iter().any(|change| change.starts_with(&folder) || folder.starts_with(change))
        })
    }

    /// Those of some folders that are in the repository, as git shows them: without symbolic links. Of a package
    /// from elsewhere the commit says nothing, and git refuses to be asked about it.
    fn inside<'f>(&'f self, folders: impl IntoIterator<Item = &'f PathBuf>) -> impl Iterator<Item = OsString> {
        let folders = folders.into_iter().map(|folder| folder.canonicalize().unwrap_or_else(|_| folder.clone()));
        let is_inside = |folder: &PathBuf| self.top.as_ref().is_some_and(|top| folder.starts_with(top));
        folders.filter(is_inside).map(PathBuf::into_os_string)
    }
}

struct Git<'a> {
    root: &'a Path,
}

impl Git<'_> {
    /// What git answers, where it ends well.
    fn ask(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Option<String> {
        let mut git = Command::new("git");
        // Somebody may be about to commit: what only looks takes no lock.
        git.arg("-C").arg(self.root).args(arguments).env("GIT_OPTIONAL_LOCKS", "0");
        let output = git.output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(root: &Path, arguments: &[&str]) {
        let mut git = Command::new("git");
        git.arg("-C").arg(root).args(["-c", "user.name=t", "-c", "user.email=t@example.org"]).args(arguments);
        let output = git.output().expect("the tests need git");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    #[test]
    fn a_revision_is_told_anew_only_where_it_is_another_one() {
        if !crate::testing::has_git("a_revision_is_told_anew_only_where_it_is_another_one") {
            return;
        }
        let repository = tempfile::tempdir().unwrap();
        // The workspace need not be the whole repository.
        let root = repository.path().join("below");
        let folders = ["one", "two"].map(|name| root.join(name));
        for folder in &folders {
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join("lib.rs"), "1").unwrap();
        }
        // A package of another repository is no part of this one's state.
        let elsewhere = tempfile::tempdir().unwrap();
        let [one, two] = folders.clone().map(|folder| [folder, elsewhere.path().to_owned()]);
        let (one, two) = (&one[..], &two[..]);
        let look = || Checkout::look(&root, &one.iter().chain(two).cloned().collect());
        assert_eq!(look().source(one), SourceLabel::default());

        git(repository.path(), &["init", "--quiet", "--initial-branch", "trunk"]);
        git(repository.path(), &["add", "."]);
        git(repository.path(), &["commit", "--quiet", "-m", "first"]);
        let clean = look();
        let first = clean.source(one);
        assert!(first.commit.is_some() && first.branch.as_deref() == Some("trunk") && !first.dirty, "{first:?}");
        assert!(clean.agrees(&first, one));
        assert!(!clean.agrees(&SourceLabel::default(), one), "there is a commit now");

        std::fs::write(folders[0].join("lib.rs"), "2").unwrap();
        std::fs::create_dir(folders[0].join("new folder")).unwrap();
        std::fs::write(folders[0].join("new folder/a"), "").unwrap();
        let edited = look();
        assert!(edited.source(one).dirty && !edited.source(two).dirty);
        assert!(!edited.agrees(&first, one) && edited.agrees(&first, two));
        assert!(Checkout::glance(&root).agrees(&first, one) && Checkout::glance(&root).source(two).dirty);

        git(repository.path(), &["add", "."]);
        git(repository.path(), &["commit", "--quiet", "-m", "second"]);
        let second = look();
        assert!(!second.source(one).dirty && second.source(one).commit != first.commit);
        assert!(!second.agrees(&first, one), "its sources are those of the second commit");
        assert!(!second.agrees(&edited.source(one), one), "it is not dirty any more");
        assert!(second.agrees(&first, two), "the second commit did not touch it");

        // A commit that is gone from the history is nobody's.
        git(repository.path(), &["commit", "--quiet", "--amend", "-m", "other"]);
        assert!(!look().agrees(&second.source(one), one));
    }
}
