//! The lines of the journal: JSON, each with a checksum, so that half of one is told from a whole one.

use serde_json::from_str;
use sha2::{Digest as _, Sha256};

use super::entry::Entry;
use crate::deploy::image::hex;

const BEGIN: &str = "{\"sum\":\"";
const MIDDLE: &str = "\",\"line\":";
const END: &str = "}\n";

/// How many digits a checksum has.
const SUM: usize = 16;

/// What was read of a journal.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The whole lines, in order.
    pub(super) entries: Vec<Entry>,
    /// Where the last whole line ends: what comes behind was being written.
    pub(super) length: usize,
    /// How many lines before that cannot be read: somebody else has written there, or the disk has failed.
    pub(super) damaged: usize,
}

/// Writes an entry as a line.
pub(super) fn line_of(entry: &Entry) -> serde_json::Result<String> {
    let entry = serde_json::to_string(entry)?;
    Ok(format!("{BEGIN}{}{MIDDLE}{entry}{END}", sum_of(&entry)))
}

/// Reads all lines.
pub(super) fn read(bytes: &[u8]) -> Read {
    let mut read = Read::default();
    let mut damaged = 0;
    let mut at = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        match std::str::from_utf8(line).ok().and_then(entry_of) {
            Some(entry) => {
                read.entries.push(entry);
                read.length = at;
                read.damaged += std::mem::take(&mut damaged);
            }
            // Damaged, unless only more of it follows: then it is what was being written.
            None => damaged += 1,
        }
    }
    read
}

fn entry_of(line: &str) -> Option<Entry> {
    let rest = line.strip_prefix(BEGIN)?.strip_suffix(END)?;
    let (sum, rest) = rest.split_at_checked(SUM)?;
    let entry = rest.strip_prefix(MIDDLE)?;
    if sum_of(entry) == sum { from_str(entry).ok() } else { None }
}

fn sum_of(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes())[..SUM / 2])
}

#[cfg(test)]
mod tests {
    use super::super::entry::Started;
    use super::*;

    fn started(at_ms: u64) -> Entry {
        Entry::Started(Started { at_ms, bedplate: "0.1.0".to_owned(), base_fingerprint: "abc".to_owned() })
    }

    fn lines(numbers: impl IntoIterator<Item = u64>) -> String {
        numbers.into_iter().map(|number| line_of(&started(number)).unwrap()).collect()
    }

    #[test]
    fn a_line_is_json_and_is_read_as_it_was_written() {
        let text = lines([1]);
        let json: serde_json::Value = from_str(&text).unwrap();
        assert_eq!(json["line"]["entry"], "started");
        assert_eq!(read(text.as_bytes()).entries, [started(1)]);
    }

    #[test]
    fn a_line_that_was_being_written_is_cut_wherever_it_ends() {
        let whole = lines([1, 2]);
        let third = lines([3]);
        for end in 0..third.len() {
            let read = read(format!("{whole}{}", &third[..end]).as_bytes());
            assert_eq!((read.entries.len(), read.length, read.damaged), (2, whole.len(), 0), "{end}");
        }
    }

    #[test]
    fn a_line_that_was_changed_is_not_believed_and_others_are() {
        let text = lines([1, 2, 3]).replace("\"at_ms\":2", "\"at_ms\":9");
        let read = read(text.as_bytes());
        assert_eq!((read.entries, read.length, read.damaged), (vec![started(1), started(3)], text.len(), 1));
    }

    #[test]
    fn any_bytes_are_read() {
        for bytes in [&b"\xff\xfe\n\n\0"[..], b"{\"sum\":\"", b"{\"sum\":\"\xc3\xa9\",\"line\":1}\n", b"\n\n\n"] {
            assert!(read(bytes).entries.is_empty());
        }
    }
}
