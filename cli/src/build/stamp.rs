//! Whether something that was linked is still what it would be.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

/// What a link was made from, beside its result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// A digest of all that is not a file: arguments, labels.
    pub(crate) inputs: String,
    /// The files that were read, with length and time of change in nanoseconds.
    pub(crate) files: BTreeMap<PathBuf, (u64, u128)>,
}

impl Stamp {
    /// The stamp of these inputs and files, as they are now.
    pub(crate) fn of(inputs: String, files: impl IntoIterator<Item = PathBuf>) -> Self {
        let files = files.into_iter().filter_map(|file| look(&file).map(|seen| (file, seen))).collect();
        Self { inputs, files }
    }

    /// The stamp in a file; `None` where there is none that can be read.
    pub(crate) fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }

    /// Keeps it. Where it cannot be kept, the next build links anew.
    pub(crate) fn write(&self, file: &Path) {
        if let Ok(text) = serde_json::to_vec(self) {
            let _ = fs::write(file, text);
        }
    }

    /// Whether `inputs` are the same, and no file has changed.
    pub(crate) fn still_holds(&self, inputs: &str) -> bool {
        self.inputs == inputs && self.files.iter().all(|(file, seen)| look(file).as_ref() == Some(seen))
    }
}

fn look(file: &Path) -> Option<(u64, u128)> {
    let about = fs::metadata(file).ok()?;
    let modified = about.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((about.len(), modified.as_nanos()))
}

/// The files that a `.d` file of rustc names, relative to `folder`.
pub(crate) fn dependencies(text: &str, folder: &Path) -> Vec<PathBuf> {
    // One rule a line; the first names all sources. A blank in a path is written `\ `.
    let Some((_, sources)) = text.lines().find_map(|line| line.split_once(": ")) else { return Vec::new() };
    let mut files = Vec::new();
    let mut file = String::new();
    let mut letters = sources.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek() == Some(&' ') => file.extend(letters.next()),
            ' ' => files.push(std::mem::take(&mut file)),
            other => file.push(other),
        }
    }
    files.push(file);
    files.into_iter().filter(|file| !file.is_empty()).map(|file| without_steps_up(&folder.join(file))).collect()
}

/// The variables that a `.d` file of rustc says were read at compile time, each with its value where it had one.
pub(crate) fn variables(text: &str) -> BTreeMap<String, Option<String>> {
    let read = text.lines().filter_map(|line| line.strip_prefix("# env-dep:"));
    read.map(|variable| match variable.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(value.replace("\\n", "\n").replace("\\\\", "\\"))),
        None => (variable.to_owned(), None),
    })
    .collect()
}

/// The path as a file is told of when it changes: `src/../page.html` is how `include_str!` has it.
fn without_steps_up(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, part| {
        match part {
            Component::ParentDir if path.file_name().is_some() => drop(path.pop()),
            Component::CurDir => {}
            part => path.push(part),
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_holds_until_a_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lib.rs");
        fs::write(&file, "one").unwrap();
        let stamp = Stamp::of("same".to_owned(), [file.clone()]);
        assert!(stamp.still_holds("same"));
        assert!(!stamp.still_holds("other"));
        fs::write(&file, "three").unwrap();
        assert!(!stamp.still_holds("same"));
        fs::remove_file(&file).unwrap();
        assert!(!stamp.still_holds("same"));
    }

    #[test]
    fn reads_what_rustc_writes() {
        let text = "/t/x.d: src/lib.rs src/a\\ b.rs src/deep/../../docs/./a.md /abs.sql\n\nsrc/lib.rs:\n";
        let files = dependencies(text, Path::new("/ws"));
        assert_eq!(files, ["/ws/src/lib.rs", "/ws/src/a b.rs", "/ws/docs/a.md", "/abs.sql"].map(PathBuf::from));
        let read = variables(&format!("{text}\n# env-dep:NAME=a=b\\\\c\\nd\n# env-dep:UNSET\n"));
        let expected = [("NAME", Some("a=b\\c\nd")), ("UNSET", None)];
        assert!(read.iter().map(|(name, value)| (name.as_str(), value.as_deref())).eq(expected), "{read:?}");
    }
}
