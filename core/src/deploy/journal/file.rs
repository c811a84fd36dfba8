//! The journal's file: appended to, synced, kept from growing without end.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::lines::{line_of, read};
use crate::deploy::operations::Note;
use crate::deploy::store::private::{self, Durable};

/// A file of lines.
#[derive(Debug)]
pub(super) struct JournalFile {
    path: PathBuf,
    file: File,
    length: u64,
    limit: u64,
    /// Whether something may stand behind the last whole line.
    is_torn: bool,
    /// Whether the file would still have its name after a power failure.
    is_named: bool,
    /// Makes the names in a folder survive a power failure.
    sync_folder: fn(&Path) -> io::Result<()>,
}

impl JournalFile {
    /// Opens a file, cuts what was being written when its process ended, and reads the rest. The file is written anew,
    /// without its oldest lines, when it is longer than `limit` bytes.
    pub(super) fn open(path: PathBuf, limit: u64) -> io::Result<(Self, Vec<Entry>, Vec<Note>)> {
        let bytes = match private::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let read = read(&bytes);
        let file = private::append(&path)?;
        let mut notes = Vec::new();
        if read.length < bytes.len() {
            file.set_len(read.length as u64)?;
            file.sync_all()?;
            let text = "the journal's last line was being written when its process ended, and is cut: what it was about \
                        was not committed";
            notes.push(Note::warning(None, text.to_owned()));
        }
        if read.damaged > 0 {
            let text = format!(
                "the journal {} has {} lines that somebody else has written, or that the disk has lost",
                path.display(),
                read.damaged
            );
            notes.push(Note::warning(None, text));
        }
        if let Some(folder) = path.parent() {
            private::sync_folder(folder)?;
        }
        let journal = Self { limit, length: read.length as u64, ..Self::named(path, file) };
        Ok((journal, read.entries, notes))
    }

    /// An empty file that has this name for good.
    fn named(path: PathBuf, file: File) -> Self {
        let sync_folder = private::sync_folder;
        Self { path, file, length: 0, limit: u64::MAX, is_torn: false, is_named: true, sync_folder }
    }

    /// A file that is open already.
    #[cfg(test)]
    pub(super) fn on(file: File) -> Self {
        Self::named(PathBuf::new(), file)
    }

    /// The same, on a disk that does not keep names, until it is told otherwise.
    #[cfg(test)]
    pub(super) fn syncing_with(&mut self, sync_folder: fn(&Path) -> io::Result<()>) {
        self.sync_folder = sync_folder;
    }

    /// Appends a line. What fails leaves the file as it was.
    pub(super) fn append(&mut self, entry: &Entry, durable: Durable) -> io::Result<()> {
        let line = line_of(entry)?;
        if self.is_torn {
            // Half a line would spoil the next one.
            self.file.set_len(self.length)?;
            self.is_torn = false;
        }
        if durable == Durable::Yes {
            self.keep_name()?;
        }
        let written = self.file.write_all(line.as_bytes()).and_then(|()| match durable {
            Durable::Yes => self.file.sync_data(),
            Durable::No => Ok(()),
        });
        if let Err(error) = written {
            self.is_torn = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        self.length += line.len() as u64;
        Ok(())
    }

    /// Whether it is time to write it anew.
    pub(super) fn is_full(&self) -> bool {
        self.length > self.limit
    }

    /// Writes it anew with these lines: beside the old one, synced, then in its place.
    pub(super) fn replace<'e>(&mut self, entries: impl IntoIterator<Item = &'e Entry>) -> io::Result<()> {
        let text = entries.into_iter().map(line_of).collect::<Result<String, _>>()?;
        let (Some(folder), Some(name)) = (self.path.parent(), self.path.file_name().and_then(|name| name.to_str()))
        else {
            return Err(io::Error::other("the journal is no file in a folder"));
        };
        // From here on the file that was open is nobody's: what is appended to it would be lost.
        self.file = private::replace(folder, name, text.as_bytes())?;
        self.length = text.len() as u64;
        (self.is_torn, self.is_named) = (false, false);
        self.keep_name()
    }

    /// Makes the file's name survive a power failure: else the one that it has replaced would come back, without what
    /// was appended since.
    fn keep_name(&mut self) -> io::Result<()> {
        if let Some(folder) = self.path.parent().filter(|_| !self.is_named) {
            (self.sync_folder)(folder)?;
            self.is_named = true;
        }
        Ok(())
    }

    /// What one line may take, so that enough of them are kept after it is written anew.
    pub(super) fn half(&self) -> u64 {
        self.limit / 2
    }
}
