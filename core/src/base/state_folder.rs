//! The folder of what a base keeps for itself: its socket, objects, the journal.

use std::io;
use std::path::{Path, PathBuf};

use crate::base::config::DeploySettings;
use crate::base::{Base, CommandContext};
use crate::settings::{KeyPath, Tree};

impl Base {
    /// The folder of what the base keeps for itself, `deploy.folder`; made, for the base's own user alone,
    /// where it is not there yet.
    ///
    /// # Errors
    ///
    /// Where it cannot be made, or cannot be kept from other users.
    pub fn state_folder(&self) -> io::Result<PathBuf> {
        let folder = state_folder(&self.settings(), self.folder());
        make(&folder)?;
        Ok(folder)
    }
}

impl CommandContext<'_> {
    /// The folder of what the base keeps for itself, `deploy.folder`. It may not be there.
    #[must_use]
    pub fn state_folder(&self) -> PathBuf {
        state_folder(self.settings, self.folder)
    }
}

/// The folder of what a base with these settings keeps for itself, `deploy.folder`: `folder` is that of the
/// settings file. What is wrong with the settings is reported where they are checked.
#[must_use]
pub fn state_folder(settings: &Tree, folder: &Path) -> PathBuf {
    let read: Option<DeploySettings> = settings.read(&[KeyPath::of(["deploy"])], &mut Vec::new());
    folder.join(read.map_or_else(|| PathBuf::from("state"), |deploy| deploy.folder))
}

#[cfg(unix)]
fn make(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};

    /// For its owner alone: whoever writes here decides what code the base runs.
    const PRIVATE: u32 = 0o700;

    std::fs::DirBuilder::new().recursive(true).mode(PRIVATE).create(folder)?;
    let mode = std::fs::metadata(folder)?.permissions().mode();
    if mode & 0o077 != 0 {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(PRIVATE))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn make(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)
}
