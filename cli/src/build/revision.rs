//! The revision that an object is built from, as git tells it.

use std::path::Path;
use std::process::Command;

use bedplate::deploy::image::SourceLabel;

/// The revision of some folders of a workspace; nothing where there is no git. Dirty is what differs
/// in these folders, not elsewhere.
pub(crate) fn of<'p>(root: &Path, folders: impl Iterator<Item = &'p Path>) -> SourceLabel {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "HEAD"]) else { return SourceLabel::default() };
    let branch = git(&["symbolic-ref", "--quiet", "--short", "HEAD"]);
    let folders: Vec<_> = folders.filter_map(Path::to_str).collect();
    let mut status = vec!["status", "--porcelain", "--"];
    status.extend(folders);
    SourceLabel { commit: Some(commit), branch, dirty: git(&status).is_none_or(|changes| !changes.is_empty()) }
}
