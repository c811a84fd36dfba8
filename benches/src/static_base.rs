//! The same base as one static binary: built by cargo, and started anew after each edit.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::answer::Asker;
use crate::edit::Edit;
use crate::project::{Profile, Project};
use crate::running::{Place, Running};
use crate::tool::{cargo, free, succeed};

/// How a static binary is optimized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flags {
    /// As the bundle: the profile, incrementally.
    Same,
    /// With thin link-time optimization over all crates, which is never incremental.
    ThinLto,
}

/// A static base that is rebuilt and restarted.
#[derive(Debug)]
pub struct StaticBase {
    project: Project,
    profile: Profile,
    flags: Flags,
    target: PathBuf,
    place: Place,
    asker: Asker,
    running: Option<Running>,
}

/// How long one edit took.
#[derive(Debug, Clone, Copy)]
pub struct Rebuilt {
    /// From cargo's start to the first answer of the new code.
    pub all: Duration,
    /// cargo's part.
    pub build: Duration,
}

impl StaticBase {
    /// Builds it once, in `target`, and starts nothing yet.
    ///
    /// # Errors
    ///
    /// Where it does not compile.
    pub fn build(project: &Project, profile: Profile, flags: Flags, target: &Path) -> Result<Self> {
        let place = Place::new(None)?;
        let asker = Asker::new(place.http)?;
        let base =
            Self { project: project.clone(), profile, flags, target: target.to_owned(), place, asker, running: None };
        base.cargo_build()?;
        Ok(base)
    }

    /// Builds what was saved, puts the new process in the old one's place, and waits for its first answer. The old
    /// one is killed, which takes less time than any other way of ending it.
    ///
    /// # Errors
    ///
    /// Where it does not compile, start or answer.
    pub fn rebuild(&mut self, edit: &Edit, number: u64) -> Result<Rebuilt> {
        let begin = Instant::now();
        self.cargo_build()?;
        let build = begin.elapsed();
        self.running = None;
        let program = self.target.join(self.profile.folder()).join(&self.project.base);
        self.running = Some(Running::spawn(&program, &self.project, &self.place, &[])?);
        let answered = self.asker.wait_for(edit, number);
        if let Some(running) = &mut self.running {
            running.must_run()?;
        }
        answered?;
        Ok(Rebuilt { all: begin.elapsed(), build })
    }

    fn cargo_build(&self) -> Result<()> {
        let mut command = Command::new(cargo());
        command
            .args(["build", "--quiet", "--package", &self.project.base, "--bin", &self.project.base])
            .args(["--profile", self.profile.name()])
            .current_dir(&self.project.root);
        free(&mut command, false).env("CARGO_TARGET_DIR", &self.target);
        match self.flags {
            Flags::Same => command.env("CARGO_INCREMENTAL", "1"),
            Flags::ThinLto => command.env("CARGO_INCREMENTAL", "0").env("CARGO_PROFILE_RELEASE_LTO", "thin"),
        };
        succeed(&mut command, "the static base cannot be built")
    }
}
