//! What the kernel says of the memory of a process: Linux alone.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// What one mapped file costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// Mappings.
    pub mappings: u64,
    /// Memory that is backed by no file, in bytes.
    pub anonymous: u64,
    /// File pages that are in memory, in bytes: the kernel takes them back when it needs room.
    pub clean: u64,
}

/// A field of `/proc/<id>/status` in bytes, such as `RssAnon`.
///
/// # Errors
///
/// Where there is no such process or field.
pub fn status(id: u32, field: &str) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).context("Linux tells about processes")?;
    let value = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).and_then(kilobytes);
    value.with_context(|| format!("the kernel tells {field} of process {id}"))
}

/// How many mappings a process has.
///
/// # Errors
///
/// Where there is no such process.
pub fn mappings(id: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/maps")).context("Linux tells about processes")?;
    Ok(text.lines().count() as u64)
}

/// What the files below a folder cost that a process has mapped, by their path.
///
/// # Errors
///
/// Where there is no such process.
pub fn mapped_below(id: u32, folder: &Path) -> Result<BTreeMap<String, Cost>> {
    let text = fs::read_to_string(format!("/proc/{id}/smaps")).context("Linux tells about processes")?;
    let folder = folder.to_str().context("the folder's path is no text")?;
    Ok(read_list(&text, folder))
}

fn read_list(text: &str, folder: &str) -> BTreeMap<String, Cost> {
    let mut costs: BTreeMap<String, Cost> = BTreeMap::new();
    let mut current: Option<&str> = None;
    for line in text.lines() {
        if let Some(path) = path_of(line) {
            // What has no path may lie behind a file and be its zeroed data, or anything else: it counts for none.
            current = path.starts_with(folder).then_some(path);
            if let Some(file) = current {
                costs.entry(file.to_owned()).or_default().mappings += 1;
            }
        } else if let Some(cost) = current.and_then(|file| costs.get_mut(file)) {
            if let Some(bytes) = line.strip_prefix("Anonymous:").and_then(kilobytes) {
                cost.anonymous += bytes;
            } else if let Some(bytes) =
                line.strip_prefix("Shared_Clean:").or(line.strip_prefix("Private_Clean:")).and_then(kilobytes)
            {
                cost.clean += bytes;
            }
        }
    }
    costs
}

/// The file of a mapping, where the line is the first one of it; empty where it has none.
fn path_of(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    u64::from_str_radix(start, 16).ok()?;
    u64::from_str_radix(end, 16).ok()?;
    // Permissions, offset, device and inode come before the path.
    Some(words.nth(4).map_or("", |first| line.find(first).and_then(|at| line.get(at..)).unwrap_or(first)))
}

fn kilobytes(text: &str) -> Option<u64> {
    let number = text.trim().strip_suffix("kB")?.trim();
    number.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_charged_with_its_own_mappings_alone() {
        let text = "\
7f10-7f20 r-xp 00001000 00:1b 12                        /state/generations/a-1.so
Private_Clean:        16 kB
Anonymous:             0 kB
7f20-7f30 rw-p 00002000 00:1b 12                        /state/generations/a-1.so
Anonymous:             4 kB
7f30-7f40 rw-p 00000000 00:00 0 
Anonymous:             8 kB
7f50-7f60 rw-p 00000000 00:00 0 
Anonymous:            64 kB
7f60-7f70 rw-p 00000000 00:00 0                          [heap]
Anonymous:           100 kB
7f70-7f80 rw-p 00000000 00:1b 13                        /elsewhere/b.so
Anonymous:             4 kB
";
        let costs = read_list(text, "/state/generations");
        let cost = Cost { mappings: 2, anonymous: 4 << 10, clean: 16 << 10 };
        assert_eq!(costs, BTreeMap::from([("/state/generations/a-1.so".to_owned(), cost)]));
    }

    #[test]
    fn the_kernel_tells_about_this_process() {
        assert!(status(std::process::id(), "RssAnon").unwrap() > 0);
        assert!(mappings(std::process::id()).unwrap() > 3);
    }
}
