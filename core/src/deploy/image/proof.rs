//! Which image an address of code lies in, and which file that image came from: asked of the running process.

use std::fmt;
use std::ops::Range;

use super::identity::BuildId;

/// An object as it lies in the memory of this process.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// Its addresses, from its first segment to the end of its last.
    pub(super) span: Range<usize>,
    /// Its code, which is never written: whole pages.
    pub(super) text: Vec<Range<usize>>,
    /// The note of the linker, as it is mapped.
    pub(super) build_id: Option<BuildId>,
}

impl Image {
    /// The image that an address lies in; `None` where there is none, or where the system cannot be asked.
    #[must_use]
    pub fn of(address: usize) -> Option<Self> {
        system::image_of(address)
    }

    /// The build id, as it is mapped.
    #[must_use]
    pub fn build_id(&self) -> Option<&BuildId> {
        self.build_id.as_ref()
    }

    /// Whether an address lies in it.
    #[must_use]
    pub fn contains(&self, address: usize) -> bool {
        self.span.contains(&address)
    }

    /// Gives the pages of its code back to the kernel, which reads them from the file again where somebody still
    /// runs it.
    pub(super) fn release_text(&self) {
        system::release(&self.text);
    }
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image").field("build_id", &self.build_id).finish_non_exhaustive()
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::ffi::{c_int, c_void};
    use std::ops::Range;

    use libc::{PF_R, PF_W, PF_X, PT_LOAD, PT_NOTE, dl_phdr_info, size_t};
    use object::NativeEndian;
    use object::elf::{ELF_NOTE_GNU, FileHeader64, NT_GNU_BUILD_ID};
    use object::read::elf::NoteIterator;

    use super::super::identity::BuildId;
    use super::Image;

    struct Search {
        address: usize,
        found: Option<Image>,
    }

    #[allow(unsafe_code, reason = "the loader is asked through a callback of C")]
    pub(super) fn image_of(address: usize) -> Option<Image> {
        let mut search = Search { address, found: None };
        // SAFETY: `visit` has the signature that is asked for, and is called before this returns: `search` outlives it.
        unsafe { libc::dl_iterate_phdr(Some(visit), (&raw mut search).cast()) };
        search.found
    }

    /// One segment of an image.
    struct Segment {
        kind: u32,
        flags: u32,
        range: Range<usize>,
        align: u64,
    }

    #[allow(unsafe_code, reason = "reads what the loader hands over")]
    unsafe extern "C" fn visit(info: *mut dl_phdr_info, _size: size_t, search: *mut c_void) -> c_int {
        // SAFETY: the loader passes a valid description, which lives for as long as this call; `search` is what
        // `image_of` passed, which nobody else refers to meanwhile.
        let (info, search) = unsafe { (&*info, &mut *search.cast::<Search>()) };
        if info.dlpi_phdr.is_null() {
            return 0;
        }
        // SAFETY: the loader says that as many headers are there.
        let headers = unsafe { std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)) };
        let base = info.dlpi_addr;
        let segments: Vec<_> = headers
            .iter()
            .map(|header| {
                let start = base.wrapping_add(header.p_vaddr) as usize;
                let range = start..start.saturating_add(header.p_memsz as usize);
                Segment { kind: header.p_type, flags: header.p_flags, range, align: header.p_align }
            })
            .collect();
        let loaded = || segments.iter().filter(|segment| segment.kind == PT_LOAD);
        if !loaded().any(|segment| segment.range.contains(&search.address)) {
            return 0;
        }
        let span = loaded().map(|segment| segment.range.start).min().unwrap_or(0)
            ..loaded().map(|segment| segment.range.end).max().unwrap_or(0);
        let is_text = |segment: &&Segment| segment.flags & PF_X != 0 && segment.flags & PF_W == 0;
        let text = loaded().filter(is_text).map(|segment| segment.range.clone()).collect();
        let is_mapped = |note: &Segment| {
            loaded().any(|segment| {
                segment.flags & PF_R != 0
                    && segment.range.start <= note.range.start
                    && note.range.end <= segment.range.end
            })
        };
        let mut notes = segments.iter().filter(|segment| segment.kind == PT_NOTE && is_mapped(segment));
        let build_id = notes.find_map(|note| {
            let start = std::ptr::with_exposed_provenance::<u8>(note.range.start);
            // SAFETY: the range lies in a segment that is mapped to be read, which is not written to: a note. The
            // loader keeps the image from being unmapped while it calls back.
            build_id_in(unsafe { std::slice::from_raw_parts(start, note.range.len()) }, note.align)
        });
        search.found = Some(Image { span, text, build_id });
        1
    }

    fn build_id_in(notes: &[u8], align: u64) -> Option<BuildId> {
        let notes = NoteIterator::<FileHeader64<NativeEndian>>::new(NativeEndian, align, notes).ok()?;
        let mut notes = notes.filter_map(Result::ok);
        let note = notes.find(|note| note.name() == ELF_NOTE_GNU && note.n_type(NativeEndian) == NT_GNU_BUILD_ID)?;
        BuildId::new(note.desc())
    }

    #[allow(unsafe_code, reason = "the kernel is told about memory by address")]
    pub(super) fn release(text: &[Range<usize>]) {
        // SAFETY: asks the system for a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let Some(page) = usize::try_from(page).ok().filter(|page| page.is_power_of_two()) else { return };
        for range in text {
            // Whole pages alone: the one at an edge may hold the beginning of something that is written.
            let start = range.start.next_multiple_of(page);
            let end = range.end & !(page - 1);
            if start < end {
                let address = std::ptr::with_exposed_provenance_mut::<c_void>(start);
                // SAFETY: the range is in a segment of an image that is never unmapped. It is mapped from a file that
                // nobody else can write, private, and never written to (no write permission; text relocations are
                // refused), so that its pages are those of the file: whoever runs it reads them from there again.
                unsafe { libc::madvise(address, end - start, libc::MADV_DONTNEED) };
            }
        }
    }
}

#[cfg(target_vendor = "apple")]
mod system {
    use std::ops::Range;

    use object::NativeEndian;
    use object::macho::MachHeader64;
    use object::read::macho::MachHeader as _;

    use super::super::identity::BuildId;
    use super::Image;

    #[allow(unsafe_code, reason = "the loader is asked through C")]
    pub(super) fn image_of(address: usize) -> Option<Image> {
        let mut info = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
        // SAFETY: `dladdr` takes any address, and fills the description where it answers other than 0.
        let info = unsafe {
            if libc::dladdr(std::ptr::with_exposed_provenance(address), info.as_mut_ptr()) == 0 {
                return None;
            }
            info.assume_init()
        };
        let header = info.dli_fbase.cast::<u8>();
        if header.is_null() {
            return None;
        }
        // SAFETY: an image begins with its header, of 32 bytes, and the image that an address of running code lies in
        // is not unmapped.
        let head = unsafe { std::slice::from_raw_parts(header, size_of::<MachHeader64<NativeEndian>>()) };
        let commands = MachHeader64::<NativeEndian>::parse(head, 0).ok()?.sizeofcmds(NativeEndian) as usize;
        // SAFETY: the commands follow the header, in the same segment.
        let bytes = unsafe { std::slice::from_raw_parts(header, head.len() + commands) };
        let parsed = MachHeader64::<NativeEndian>::parse(bytes, 0).ok()?;
        let build_id = parsed.uuid(NativeEndian, bytes, 0).ok().flatten().and_then(|uuid| BuildId::new(&uuid));
        let mut commands = parsed.load_commands(NativeEndian, bytes, 0).ok()?;
        let (mut first, mut last) = (u64::MAX, 0);
        while let Ok(Some(command)) = commands.next() {
            if let Ok(Some((segment, _))) = command.segment_64()
                && segment.name() == b"__TEXT"
            {
                first = segment.vmaddr.get(NativeEndian);
                last = last.max(first.saturating_add(segment.vmsize.get(NativeEndian)));
            }
        }
        let start = header.addr();
        let length = usize::try_from(last.saturating_sub(first)).unwrap_or(0);
        Some(Image { span: start..start.saturating_add(length), text: Vec::new(), build_id })
    }

    pub(super) fn release(_: &[Range<usize>]) {}
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
mod system {
    use std::ops::Range;

    use super::Image;

    pub(super) fn image_of(_: usize) -> Option<Image> {
        None
    }

    pub(super) fn release(_: &[Range<usize>]) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_lies_in_the_image_that_it_was_linked_into() {
        let here = code_lies_in_the_image_that_it_was_linked_into as fn() as usize;
        let image = Image::of(here).unwrap();
        assert!(image.contains(here));
        assert!(image.text.iter().any(|text| text.contains(&here)));
        let elsewhere = Image::of(libc::getpid as unsafe extern "C" fn() -> libc::pid_t as usize).unwrap();
        assert!(!elsewhere.contains(here));
    }

    #[test]
    fn data_on_the_heap_lies_in_no_image() {
        let heap = Box::new(1_u64);
        assert_eq!(Image::of((&raw const *heap).addr()), None);
        assert_eq!(Image::of(0), None);
    }

    #[test]
    fn code_runs_on_after_its_pages_were_given_back() {
        let here = code_runs_on_after_its_pages_were_given_back as fn() as usize;
        Image::of(here).unwrap().release_text();
        assert_eq!("still here".len(), 10);
    }
}
