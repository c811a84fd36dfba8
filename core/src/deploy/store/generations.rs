//! The files that are mapped: a copy for each generation, with a name that no other one has or had.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::private;
use crate::deploy::image::Digest;

/// The folder of the copies.
#[derive(Debug)]
pub(crate) struct Generations {
    folder: PathBuf,
    next: AtomicU64,
}

impl Generations {
    /// Opens the folder. What a process before has left there is removed: nothing of it is mapped any more.
    pub(crate) fn open(folder: PathBuf) -> io::Result<Self> {
        private::make_folder(&folder)?;
        for entry in fs::read_dir(&folder)? {
            fs::remove_file(entry?.path())?;
        }
        Ok(Self { folder, next: AtomicU64::new(1) })
    }

    /// The folder of the copies.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the copy that one generation is loaded from. Never a link: the loader, which knows an image again by its
    /// inode, would give back the one that it has. Not synced: the next start removes it.
    pub(crate) fn write(&self, module: &str, digest: Digest, bytes: &[u8]) -> io::Result<PathBuf> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        private::write_volatile(&self.folder, &format!("{module}-{number}-{}.so", digest.short()), bytes)
    }

    /// Removes a copy that was not mapped.
    pub(crate) fn remove(path: &Path) {
        // What cannot be removed now is removed at the next start.
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_generation_has_a_file_of_its_own_also_when_a_build_comes_again() {
        let folder = tempfile::tempdir().unwrap();
        let generations = Generations::open(folder.path().join("generations")).unwrap();
        let digest = Digest::of(b"abc");
        let paths = [1, 2].map(|_| generations.write("comments", digest, b"abc").unwrap());
        let names = paths.each_ref().map(|path| path.file_name().unwrap().to_str().unwrap());
        assert_eq!(names, ["comments-1-ba7816bf8f01.so", "comments-2-ba7816bf8f01.so"]);
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let inodes = paths.each_ref().map(|path| fs::metadata(path).unwrap().ino());
            assert_ne!(inodes[0], inodes[1]);
        }
    }

    #[test]
    fn what_an_earlier_process_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = Generations::open(folder.path().into()).unwrap().write("old", Digest::of(b""), b"").unwrap();
        Generations::open(folder.path().into()).unwrap();
        assert!(!path.exists());
    }
}
