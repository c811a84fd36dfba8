//! Files that nobody but the base reads and writes, and that are there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What a file is called while it is being written. One that is left over was interrupted.
pub(crate) const INCOMING: &str = ".incoming-";

/// Whether something has to survive a power failure before the work goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durable {
    Yes,
    No,
}

/// Makes a folder for its owner alone.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
        builder.mode(0o700).create(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
    }
    #[cfg(not(unix))]
    builder.create(folder)
}

/// Writes a file under a name of its own, syncs it, and only then gives it its name. What fails leaves nothing.
pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    let path = write_with(folder, name, Durable::Yes, |file| file.write_all(bytes)).map(|(path, _)| path)?;
    sync_folder(folder)?;
    Ok(path)
}

/// The same, and returns the file, to be appended to. Its name does not survive a power failure before the folder is
/// synced, which is left to the caller: whatever comes of that, the file that had the name is gone.
pub(crate) fn replace(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<File> {
    write_with(folder, name, Durable::Yes, |file| file.write_all(bytes)).map(|(_, file)| file)
}

/// The same for what nobody needs after a power failure: it is not synced, which takes longer than all the rest.
pub(crate) fn write_volatile(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    write_with(folder, name, Durable::No, |file| file.write_all(bytes)).map(|(path, _)| path)
}

fn write_with(
    folder: &Path,
    name: &str,
    durable: Durable,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<(PathBuf, File)> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let incoming = folder.join(format!("{INCOMING}{}-{number}", std::process::id()));
    let path = folder.join(name);
    let written = create(&incoming).and_then(|mut file| {
        fill(&mut file)?;
        if durable == Durable::Yes {
            file.sync_all()?;
        }
        fs::rename(&incoming, &path)?;
        Ok(file)
    });
    match written {
        Ok(file) => Ok((path, file)),
        Err(error) => {
            // It may not be there at all; what cannot be removed now is removed at the next start.
            let _ = fs::remove_file(&incoming);
            Err(error)
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Opens a file for appending, for its owner alone.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Reads a file. A link is not followed: what it leads to would not be the base's.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW);
    let mut bytes = Vec::new();
    options.open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes names in a folder survive a power failure.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
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
    fn what_fails_in_the_middle_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "artifact", b"before").unwrap();
        let full = write_with(folder.path(), "artifact", Durable::Yes, |file| {
            file.write_all(b"half of")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(full.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(names(folder.path()), ["artifact"]);
        assert_eq!(read(&folder.path().join("artifact")).unwrap(), b"before");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_them() {
        use std::os::unix::fs::PermissionsExt;
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("made/by/us");
        make_folder(&folder).unwrap();
        let path = write(&folder, "artifact", b"bytes").unwrap();
        append(&folder.join("journal")).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!([mode(&folder), mode(&path), mode(&folder.join("journal"))], [0o700, 0o600, 0o600]);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "true", b"bytes").unwrap();
        std::os::unix::fs::symlink(folder.path().join("true"), folder.path().join("link")).unwrap();
        assert!(read(&folder.path().join("link")).is_err());
        assert!(read(&folder.path().join("true")).is_ok());
    }
}
