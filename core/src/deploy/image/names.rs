//! The names of code in objects that were loaded: the standard library looks at what is there at its first
//! backtrace, and not again.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use addr2line::Loader;

use super::symbol::SymbolName;
use crate::sync::lock;

/// Where the objects lie that were loaded, and the file of each. They stay, and so does this list.
static LOADED: Mutex<Vec<(Range<usize>, PathBuf)>> = Mutex::new(Vec::new());

/// An object was loaded.
pub(super) fn came(span: Range<usize>, path: &Path) {
    lock(&LOADED).push((span, path.to_owned()));
}

/// A function, and the line of it that an address belongs to.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) function: String,
    /// File and line, where the object says so.
    pub(crate) place: Option<String>,
}

/// The names of one backtrace: each file is read once for it.
#[derive(Default)]
pub(crate) struct Names {
    read: Vec<(PathBuf, Option<Loader>)>,
}

impl Names {
    /// What code stands at an address of an object that was loaded, the function that was inlined first: nothing
    /// where no object does.
    pub(crate) fn of(&mut self, address: usize) -> Vec<Named> {
        let found = lock(&LOADED).iter().find(|(span, _)| span.contains(&address)).cloned();
        let Some((span, path)) = found else { return Vec::new() };
        let probe = (address - span.start) as u64;
        let Some(loader) = self.loader(path) else { return Vec::new() };
        let mut named = Vec::new();
        let mut nameless = None;
        if let Ok(mut frames) = loader.find_frames(probe) {
            while let Ok(Some(frame)) = frames.next() {
                let place = frame.location.and_then(|location| Some((location.file?.to_owned(), location.line?)));
                let place = place.map(|(file, line)| format!("{file}:{line}"));
                match frame.function.as_ref().and_then(|function| function.raw_name().ok()) {
                    Some(raw) => named.push(Named { function: SymbolName::of(raw.as_bytes()).text, place }),
                    None => nameless = place,
                }
            }
        }
        if named.is_empty() {
            // The lines may be known where the functions are not.
            let symbol = loader.find_symbol(probe);
            named.extend(symbol.map(|raw| Named { function: SymbolName::of(raw.as_bytes()).text, place: nameless }));
        }
        named
    }

    fn loader(&mut self, path: PathBuf) -> Option<&Loader> {
        let known = self.read.iter().position(|(known, _)| *known == path);
        let index = known.unwrap_or_else(|| {
            let loader = Loader::new(&path).ok();
            self.read.push((path, loader));
            self.read.len() - 1
        });
        self.read[index].1.as_ref()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::proof::Image;
    use super::*;

    #[inline(never)]
    fn stands_here() -> usize {
        std::hint::black_box(stands_here as fn() -> usize as usize)
    }

    #[test]
    fn code_has_a_name_and_a_line() {
        let address = stands_here();
        assert!(Names::default().of(address).is_empty(), "nothing was loaded");
        // The test's own program, which lies in memory as an object does.
        came(Image::of(address).unwrap().span, &std::env::current_exe().unwrap());
        let named = Names::default().of(address + 1);
        let [.., last] = named.as_slice() else { panic!("it has no name") };
        assert!(last.function.ends_with("names::tests::stands_here"), "{named:?}");
        assert!(last.place.as_deref().is_some_and(|place| place.contains("image/names.rs:")), "{named:?}");
    }
}
