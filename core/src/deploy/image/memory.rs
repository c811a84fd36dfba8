//! What loaded objects cost the process: mappings, and memory of their own, as the kernel counts them.

use std::io::{self, BufRead};
use std::ops::Range;

/// What one object costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cost {
    /// Mappings.
    pub(super) mappings: u64,
    /// Memory that is backed by no file, in bytes.
    pub(super) anonymous: u64,
}

/// What the kernel lists of a process.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    /// All mappings of the process.
    pub(super) mappings: u64,
    /// What each span of addresses costs, in the order they were asked for.
    pub(super) costs: Vec<Cost>,
}

/// Reads the kernel's list, for these spans of addresses; an error where there is none.
pub(super) fn listed(spans: &[Range<usize>]) -> io::Result<Listed> {
    let file = std::fs::File::open("/proc/self/smaps")?;
    read_list(io::BufReader::with_capacity(1 << 16, file), spans)
}

/// Counts the mappings of the process: cheaper than the list.
pub(super) fn count_mappings() -> io::Result<u64> {
    let file = std::fs::File::open("/proc/self/maps")?;
    let mut reader = io::BufReader::with_capacity(1 << 16, file);
    let mut count = 0;
    while reader.skip_until(b'\n')? > 0 {
        count += 1;
    }
    Ok(count)
}

/// How many mappings the kernel lets a process have.
pub(super) fn mappings_limit() -> Option<u64> {
    std::fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()
}

fn read_list(mut reader: impl BufRead, spans: &[Range<usize>]) -> io::Result<Listed> {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|index| spans[*index].start);
    let mut listed = Listed { mappings: 0, costs: vec![Cost::default(); spans.len()] };
    let mut current = None;
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(listed);
        }
        let text = String::from_utf8_lossy(&line);
        if let Some(start) = start_of(&text) {
            listed.mappings += 1;
            // The last span that begins at or before it. What follows the last page of a file in a span (its zeroed
            // data) has no name in the list, and lies in the span all the same.
            let behind = order.partition_point(|index| spans[*index].start <= start);
            current = behind.checked_sub(1).map(|at| order[at]).filter(|index| start < spans[*index].end);
            if let Some(index) = current {
                listed.costs[index].mappings += 1;
            }
        } else if let (Some(index), Some(rest)) = (current, text.strip_prefix("Anonymous:")) {
            let kilobytes: u64 = rest.trim().trim_end_matches("kB").trim().parse().unwrap_or(0);
            listed.costs[index].anonymous += kilobytes * 1024;
        }
    }
}

/// The first address of a mapping, where the line is the head of one: `7f00-7f10 r-xp 0000 …`.
fn start_of(line: &str) -> Option<usize> {
    let (start, rest) = line.split_once('-')?;
    let end = rest.split(' ').next()?;
    usize::from_str_radix(end, 16).ok()?;
    usize::from_str_radix(start, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\
1000-2000 r--p 00000000 00:1b 12  /state/generations/comments-1-abc.so
Size:                  4 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
2000-3000 r-xp 00001000 00:1b 12  /state/generations/comments-1-abc.so
Anonymous:             0 kB
3000-4000 rw-p 00002000 00:1b 12  /state/generations/comments-1-abc.so
Anonymous:             4 kB
4000-6000 rw-p 00000000 00:00 0
Anonymous:             8 kB
6000-7000 rw-p 00000000 00:00 0  [heap]
Anonymous:           100 kB
8000-9000 r-xp 00000000 00:1b 13  /state/generations/articles-2-abc.so
Anonymous:            12 kB
";

    #[test]
    fn each_span_is_charged_with_what_lies_in_it() {
        let listed = read_list(LIST.as_bytes(), &[0x8000..0x8800, 0x1000..0x5800, 0xa000..0xb000]).unwrap();
        let costs =
            [Cost { mappings: 1, anonymous: 12 << 10 }, Cost { mappings: 4, anonymous: 12 << 10 }, Cost::default()];
        assert_eq!(listed, Listed { mappings: 6, costs: costs.to_vec() });
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_lists_this_process() {
        let image = super::super::proof::Image::of(mappings_limit as fn() -> Option<u64> as usize).unwrap();
        let listed = listed(&[image.span]).unwrap();
        assert!(listed.costs[0].mappings >= 3, "{listed:?}");
        assert!(listed.mappings > listed.costs[0].mappings);
        assert!(count_mappings().unwrap() > listed.costs[0].mappings);
        assert!(mappings_limit().unwrap() > 1000);
    }
}
