//! Writing files of the user's: whole or not at all, with the ends of lines that they have.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::failure::Failure;

/// Writes a file beside its place and moves it there, so that it is never half written.
///
/// # Errors
///
/// Where the file may not be written, or its folder may not; then it is as it was.
pub(crate) fn replace(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let permissions = match fs::metadata(file) {
        // A file that may not be written is not to be replaced by way of its folder.
        Ok(_) => Some(fs::OpenOptions::new().write(true).open(file)?.metadata()?.permissions()),
        Err(_) => None,
    };
    let mut beside = tempfile::Builder::new();
    // What a new file is asked to have, below what the user's mask leaves of it.
    beside.permissions(fs::Permissions::from_mode(0o666));
    let mut beside = beside.tempfile_in(folder)?;
    beside.write_all(text.as_bytes())?;
    if let Some(permissions) = permissions {
        beside.as_file().set_permissions(permissions)?;
    }
    beside.persist(file)?;
    Ok(())
}

/// The new text of a file with the ends of lines that it has now: editors of TOML know one of both alone.
pub(crate) fn with_ends_of(before: &[u8], text: &str) -> String {
    let is_of_windows = before.windows(2).any(|pair| pair == b"\r\n");
    if is_of_windows { text.replace("\r\n", "\n").replace('\n', "\r\n") } else { text.to_owned() }
}

/// What is said of a file that cannot be written.
pub(crate) fn not_written(file: &Path, error: &io::Error) -> anyhow::Error {
    Failure::error(
        "read-only",
        format!("{} cannot be written: {error}", file.display()),
        "make it and its folder writable, with room for it; the file is as it was",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_of_lines_stay_as_they_are() {
        assert_eq!(with_ends_of(b"a\r\nb\r\n", "a\r\nc\nb\n"), "a\r\nc\r\nb\r\n");
        assert_eq!(with_ends_of(b"a\nb\n", "a\nc\n"), "a\nc\n");
        assert_eq!(with_ends_of(b"", "a\n"), "a\n");
    }
}
