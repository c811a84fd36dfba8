//! What was out of order when somebody began to look: recorded, so that only what is new fails.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::file::{not_written, replace};
use crate::order::check::violation::Violation;
use crate::workspace::Workspace;

/// The head of the file, for whoever opens it.
const HEAD: &str = "# What `cargo bedplate check` knows of and lets pass. Take out what is mended; add nothing by hand that can be mended.\n\n";

/// The recorded violations.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Baseline {
    version: u32,
    #[serde(default, rename = "known")]
    known: BTreeSet<Known>,
}

/// One of them, without its line: it may move.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    rule: String,
    subject: String,
}

impl Known {
    fn of(violation: &Violation) -> Self {
        Self { rule: violation.rule.clone(), subject: violation.subject.clone() }
    }
}

impl Baseline {
    /// Where it stands.
    pub(super) fn file(workspace: &Workspace) -> PathBuf {
        workspace.root.join("bedplate-check.toml")
    }

    pub(super) fn of(violations: &[Violation]) -> Self {
        Self { version: 1, known: violations.iter().map(Known::of).collect() }
    }

    /// What is recorded; nothing where there is no file.
    pub(super) fn read(file: &Path) -> Result<Self> {
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", file.display())),
        };
        let read: Self = toml::from_str(&text).map_err(|error| {
            Failure::error(
                "invalid-record",
                format!("{} cannot be read: {}", file.display(), error.to_string().trim_end()),
                "mend it, or write it anew: `cargo bedplate check --record`",
            )
        })?;
        if read.version != 1 {
            return Err(Failure::error(
                "invalid-record",
                format!("{} has version {}, and this tool reads version 1", file.display(), read.version),
                "use the tool that wrote it, or write it anew: `cargo bedplate check --record`",
            ));
        }
        Ok(read)
    }

    pub(super) fn write(&self, file: &Path) -> Result<()> {
        let mut text = format!("{HEAD}version = {}\n", self.version);
        for known in &self.known {
            let [rule, subject] = [&known.rule, &known.subject].map(|text| toml_edit::Value::from(text.as_str()));
            let _ = write!(text, "\n[[known]]\nrule = {rule}\nsubject = {subject}\n");
        }
        replace(file, &text).map_err(|error| not_written(file, &error))
    }

    pub(super) fn knows(&self, violation: &Violation) -> bool {
        self.known.contains(&Known::of(violation))
    }

    /// What is recorded and not among these.
    pub(super) fn without(&self, found: &[Violation]) -> Vec<Known> {
        let found: BTreeSet<_> = found.iter().map(Known::of).collect();
        self.known.difference(&found).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(subject: &str) -> Violation {
        Violation::new("static", subject, "what", "src/lib.rs:3", "help")
    }

    #[test]
    fn what_is_recorded_is_known_wherever_it_moves() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bedplate-check.toml");
        assert_eq!(Baseline::read(&file).unwrap(), Baseline::default());
        Baseline::of(&[violation("a \"b\""), violation("c")]).write(&file).unwrap();
        let read = Baseline::read(&file).unwrap();
        let moved = Violation { place: "src/other.rs:80".into(), ..violation("a \"b\"") };
        assert!(read.knows(&moved) && !read.knows(&violation("new")));
        assert_eq!(read.without(&[moved]), [Known { rule: "static".into(), subject: "c".into() }]);
    }

    #[test]
    fn a_file_that_makes_no_sense_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bedplate-check.toml");
        for text in ["version = 2\n", "version = 1\nknwon = []\n", "version ="] {
            fs::write(&file, text).unwrap();
            let error = Baseline::read(&file).unwrap_err().to_string();
            assert!(error.contains("bedplate-check.toml") && error.contains("--record"), "{error}");
        }
    }
}
