//! What of an object has to be memory of its own, by the object's own account: its writable segments.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use object::elf::{FileHeader64, PF_W, PT_LOAD};
use object::read::elf::{FileHeader as _, ProgramHeader as _};

/// The kernel's pages, in bytes.
const PAGE: u64 = 4096;

/// The sizes of an object's segments, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// Those that are written to: data, zeroed data, and what is relocated when it is loaded. In whole pages.
    pub writable: u64,
    /// The whole file.
    pub file: u64,
}

/// Reads an object's segments.
///
/// # Errors
///
/// Where it is no ELF file of 64 bits.
pub fn segments(file: &Path) -> Result<Segments> {
    let bytes = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let header = FileHeader64::<object::Endianness>::parse(&*bytes)
        .ok()
        .with_context(|| format!("{} is no ELF object of 64 bits", file.display()))?;
    let endian = header.endian().ok().context("its byte order is known")?;
    let headers = header.program_headers(endian, &*bytes).ok().context("it has segments")?;
    let writable = headers
        .iter()
        .filter(|segment| segment.p_type(endian) == PT_LOAD && segment.p_flags(endian).0 & PF_W.0 != 0)
        .map(|segment| {
            let start = segment.p_vaddr(endian) / PAGE * PAGE;
            (segment.p_vaddr(endian) + segment.p_memsz(endian)).next_multiple_of(PAGE) - start
        })
        .sum();
    Ok(Segments { writable, file: bytes.len() as u64 })
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_program_has_writable_segments() {
        let own = segments(&std::env::current_exe().unwrap()).unwrap();
        assert!(own.writable >= PAGE && own.writable.is_multiple_of(PAGE), "{own:?}");
        assert!(own.file > own.writable, "{own:?}");
    }
}
