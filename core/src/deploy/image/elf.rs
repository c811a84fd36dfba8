//! Reads an ELF file: what the loader will find in it, which is what its program headers and its dynamic section say.

use std::collections::{BTreeMap, BTreeSet};

use object::elf::{self, FileHeader64};
use object::read::elf::{
    Dyn as _, FileHeader as _, ProgramHeader as _, Rela as _, SectionHeader as _, SectionTable, Sym as _, SymbolTable,
};
use object::{Endianness, Pod};

use super::facts::{Facts, NAMED_CONSTRUCTORS};
use super::flaw::{Constructor, Flaw};
use super::identity::BuildId;
use super::label::{ENTRY_SYMBOL, LABEL_SECTION};
use super::symbol::SymbolName;

type Segment = elf::ProgramHeader64<Endianness>;
type Symbols<'a> = SymbolTable<'a, FileHeader64<Endianness>, &'a [u8]>;

/// The function that the C runtime puts into `.init_array` of every shared object.
const FRAME_DUMMY: &str = "frame_dummy";

/// The entries that name a library, of which there may be several.
const LIBRARIES: [elf::DynamicTag; 3] = [elf::DT_NEEDED, elf::DT_AUXILIARY, elf::DT_FILTER];

/// The function that the C runtime gives to `DT_INIT`.
const INIT: &str = "_init";

/// The machines that modules run on: name, ELF number, and the relocations that write an address
/// of the object itself, that of a symbol, and what a function of the object returns.
struct Machine {
    name: &'static str,
    number: u16,
    relative: u32,
    resolved: u32,
}

const MACHINES: [Machine; 3] = [
    Machine { name: "x86_64", number: 62, relative: 8, resolved: 37 },
    Machine { name: "aarch64", number: 183, relative: 1027, resolved: 1032 },
    Machine { name: "riscv64", number: 243, relative: 3, resolved: 58 },
];

/// Reads a file.
pub(super) fn read(bytes: &[u8]) -> Result<Facts, Flaw> {
    let file = File::open(bytes)?;
    let dynamic = file.dynamic()?;
    let sections = file.header.sections(file.endian, bytes).map_err(|_| truncated("the table of the sections"))?;
    file.check_ranges(&sections)?;
    let symbols = file.symbols(&sections)?;
    let exported = sections
        .symbols(file.endian, bytes, elf::SHT_DYNSYM)
        .map_err(|error| malformed("its exported symbols", error))?;
    let label = match sections.section_by_name(file.endian, LABEL_SECTION.as_bytes()) {
        Some((_, section)) => Some(section.data(file.endian, bytes).map_err(|_| truncated("the label"))?.to_vec()),
        None => None,
    };
    let mut facts = Facts {
        label,
        build_id: file.build_id(),
        needed: file.needed(&dynamic)?,
        constructors: file.constructors(&dynamic, &sections, &symbols)?,
        statics: file.statics(&symbols),
        has_entry: file.defines(&exported, ENTRY_SYMBOL),
        flaws: Vec::new(),
    };
    if dynamic.has(elf::DT_TEXTREL) || dynamic.value(elf::DT_FLAGS).unwrap_or(0) & elf::DF_TEXTREL.0 != 0 {
        facts.flaws.push(Flaw::TextRelocations);
    }
    if file.wants_executable_data() {
        facts.flaws.push(Flaw::ExecutableData);
    }
    Ok(facts)
}

struct File<'a> {
    bytes: &'a [u8],
    header: &'a FileHeader64<Endianness>,
    endian: Endianness,
    segments: &'a [Segment],
    machine: Option<&'static Machine>,
}

/// The dynamic section: what the loader goes by.
struct Dynamic {
    entries: Vec<(elf::DynamicTag, u64)>,
}

impl Dynamic {
    fn value(&self, tag: elf::DynamicTag) -> Option<u64> {
        self.entries.iter().find(|(own, _)| *own == tag).map(|(_, value)| *value)
    }

    fn has(&self, tag: elf::DynamicTag) -> bool {
        self.value(tag).is_some()
    }
}

impl<'a> File<'a> {
    fn open(bytes: &'a [u8]) -> Result<Self, Flaw> {
        // The class stands in the fifth byte, whatever follows.
        if bytes.get(4).is_some_and(|class| *class == elf::ELFCLASS32.0) {
            return Err(Flaw::ForeignMachine { is: "a 32-bit machine".to_owned(), wants: host() });
        }
        let header = FileHeader64::<Endianness>::parse(bytes).map_err(|error| {
            if bytes.len() < size_of::<FileHeader64<Endianness>>() {
                truncated("its header")
            } else {
                malformed("its header", error)
            }
        })?;
        let endian = header.endian().map_err(|error| malformed("its header", error))?;
        let number = header.e_machine(endian).0;
        let machine = MACHINES.iter().find(|machine| machine.number == number);
        if endian != Endianness::default() || machine.is_none_or(|machine| machine.name != std::env::consts::ARCH) {
            let is = machine.map_or(format!("the machine with the ELF number {number}"), |known| known.name.to_owned());
            return Err(Flaw::ForeignMachine { is, wants: host() });
        }
        if let Some(is) = not_shared(header.e_type(endian)) {
            return Err(Flaw::NotShared { is });
        }
        let segments = header.program_headers(endian, bytes).map_err(|_| truncated("the table of its segments"))?;
        if segments.iter().any(|segment| segment.p_type(endian) == elf::PT_INTERP) {
            return Err(Flaw::NotShared { is: "a program" });
        }
        Ok(Self { bytes, header, endian, segments, machine })
    }

    /// Whether all that the file says it holds is there.
    fn check_ranges(&self, sections: &SectionTable<'a, FileHeader64<Endianness>>) -> Result<(), Flaw> {
        for (index, segment) in self.segments.iter().enumerate() {
            segment.data(self.endian, self.bytes).map_err(|()| truncated(&format!("its segment {index}")))?;
        }
        for section in sections.iter() {
            section.data(self.endian, self.bytes).map_err(|_| {
                let name = sections.section_name(self.endian, section).unwrap_or_default();
                truncated(&format!("its section `{}`", SymbolName::of(name).text))
            })?;
        }
        Ok(())
    }

    /// The symbols: all of them, or the exported ones where the file was stripped.
    fn symbols(&self, sections: &SectionTable<'a, FileHeader64<Endianness>>) -> Result<Symbols<'a>, Flaw> {
        let read = |kind| {
            sections.symbols(self.endian, self.bytes, kind).map_err(|error| malformed("its table of symbols", error))
        };
        let all = read(elf::SHT_SYMTAB)?;
        if all.is_empty() { read(elf::SHT_DYNSYM) } else { Ok(all) }
    }

    fn dynamic(&self) -> Result<Dynamic, Flaw> {
        let mut segments = self.segments.iter().filter(|segment| segment.p_type(self.endian) == elf::PT_DYNAMIC);
        let (Some(segment), None) = (segments.next(), segments.next()) else {
            return Err(Flaw::NotShared { is: "an object without a dynamic section, or with several" });
        };
        let part = segment.dynamic(self.endian, self.bytes).map_err(|_| truncated("its dynamic section"))?;
        let part = part.unwrap_or_default();
        // The loader reads it where it is mapped, and not where the file says it stands.
        let (address, length) = (segment.p_vaddr(self.endian), segment.p_filesz(self.endian));
        let mapped = self.at(address, length).ok_or_else(|| truncated("its dynamic section"))?;
        if segment.data(self.endian, self.bytes) != Ok(mapped) {
            return Err(Flaw::Malformed { what: "its dynamic section is not the one that is mapped".to_owned() });
        }
        let used = part.iter().take_while(|entry| entry.tag(self.endian) != elf::DT_NULL);
        let entries: Vec<_> = used.map(|entry| (entry.tag(self.endian), entry.val(self.endian))).collect();
        if entries.is_empty() {
            return Err(Flaw::NotShared { is: "an object without a dynamic section" });
        }
        // Of two entries the loader goes by the last one; whoever reads the file may go by the first.
        let mut seen = BTreeSet::new();
        let single = entries.iter().map(|(tag, _)| tag.0).filter(|tag| LIBRARIES.iter().all(|many| many.0 != *tag));
        if let Some(twice) = single.into_iter().find(|tag| !seen.insert(*tag)) {
            return Err(Flaw::Malformed {
                what: format!("its dynamic section has two entries of the kind {twice:#x}"),
            });
        }
        Ok(Dynamic { entries })
    }

    /// What the loader will find at an address of the object.
    fn at(&self, address: u64, length: u64) -> Option<&'a [u8]> {
        self.segments
            .iter()
            .filter(|segment| segment.p_type(self.endian) == elf::PT_LOAD)
            .find_map(|segment| segment.data_range(self.endian, self.bytes, address, length).ok().flatten())
    }

    /// A table of the dynamic section, as a list.
    fn table<T: Pod>(
        &self,
        dynamic: &Dynamic,
        address: elf::DynamicTag,
        length: elf::DynamicTag,
    ) -> Result<&'a [T], Flaw> {
        let (Some(address), Some(length)) = (dynamic.value(address), dynamic.value(length)) else { return Ok(&[]) };
        let bytes = self.at(address, length).ok_or_else(|| truncated("a table of its dynamic section"))?;
        let count = bytes.len() / size_of::<T>();
        object::slice_from_bytes(bytes, count)
            .map(|(list, _)| list)
            .map_err(|()| Flaw::Malformed { what: "a table of its dynamic section is not aligned".to_owned() })
    }

    fn text_at(&self, dynamic: &Dynamic, offset: u64) -> Option<&'a [u8]> {
        let strings = self.at(dynamic.value(elf::DT_STRTAB)?, dynamic.value(elf::DT_STRSZ)?)?;
        let text = strings.get(usize::try_from(offset).ok()?..)?;
        text.split(|byte| *byte == 0).next()
    }

    /// All that the loader would load with the object.
    fn needed(&self, dynamic: &Dynamic) -> Result<Vec<String>, Flaw> {
        let offsets = dynamic.entries.iter().filter(|(tag, _)| LIBRARIES.contains(tag)).map(|(_, offset)| *offset);
        let name = |offset| match self.text_at(dynamic, offset) {
            Some(name) => Ok(String::from_utf8_lossy(name).into_owned()),
            None => Err(Flaw::Malformed { what: "the name of a library that it needs is nowhere".to_owned() }),
        };
        offsets.map(name).collect()
    }

    fn build_id(&self) -> Option<BuildId> {
        self.segments
            .iter()
            .filter_map(|segment| segment.notes(self.endian, self.bytes).ok().flatten())
            .flat_map(|notes| notes.filter_map(Result::ok))
            .find(|note| note.name() == elf::ELF_NOTE_GNU && note.n_type(self.endian) == elf::NT_GNU_BUILD_ID)
            .and_then(|note| BuildId::new(note.desc()))
    }

    fn defines(&self, symbols: &Symbols<'a>, wanted: &str) -> bool {
        symbols.iter().any(|symbol| {
            !symbol.is_undefined(self.endian)
                && symbol.name(self.endian, symbols.strings()).is_ok_and(|name| name == wanted.as_bytes())
        })
    }

    /// One static of each crate that has some: a static is in the one object that its crate is in.
    fn statics(&self, symbols: &Symbols<'a>) -> Vec<(String, String)> {
        let mut found = BTreeMap::new();
        for symbol in symbols.iter() {
            let is_data = matches!(symbol.st_type(), elf::STT_OBJECT | elf::STT_TLS);
            if !is_data || symbol.is_undefined(self.endian) {
                continue;
            }
            let Ok(name) = symbol.name(self.endian, symbols.strings()) else { continue };
            let name = SymbolName::of(name);
            if name.is_plain_path()
                && let Some(crate_name) = name.crate_name
            {
                found.entry(crate_name).or_insert(name.text);
            }
        }
        found.into_iter().collect()
    }

    /// All that the loader would run, but for what the C runtime brings into every shared object.
    fn constructors(
        &self,
        dynamic: &Dynamic,
        sections: &SectionTable<'a, FileHeader64<Endianness>>,
        symbols: &Symbols<'a>,
    ) -> Result<Vec<Constructor>, Flaw> {
        let mut found = self.init_array(dynamic)?;
        if let Some(address) = dynamic.value(elf::DT_INIT).filter(|address| *address != 0) {
            found.push((Runs::At(address), "DT_INIT"));
        }
        if dynamic.value(elf::DT_PREINIT_ARRAYSZ).is_some_and(|length| length > 0) {
            found.push((Runs::Unknown, ".preinit_array"));
        }
        let named = |name: &str| sections.section_by_name(self.endian, name.as_bytes());
        if named(".ctors").is_some_and(|(_, section)| section.sh_size(self.endian) > 2 * 8) {
            found.push((Runs::Unknown, ".ctors"));
        }
        let names = self.names_of(&found, symbols);
        let is_stripped = !sections.iter().any(|section| section.sh_type(self.endian) == elf::SHT_SYMTAB);
        let init_section = named(".init").map(|(_, section)| section.sh_addr(self.endian));
        let mut frame_dummies = 0;
        let mut constructors = Vec::new();
        for (runs, through) in found {
            let name = match &runs {
                Runs::At(address) => names.get(address).map(|name| SymbolName::of(name)),
                Runs::Symbol(name) => Some(SymbolName::of(name)),
                Runs::Unknown => None,
            };
            let text = name.as_ref().map(|name| name.text.as_str());
            let is_first = through == ".init_array" && frame_dummies == 0;
            let is_runtime = match (&runs, through, text) {
                (Runs::At(_), ".init_array", Some(FRAME_DUMMY)) => is_first,
                // Without names, the one entry is taken for that of the C runtime.
                (Runs::At(_), ".init_array", None) => is_stripped && is_first,
                (Runs::At(_), "DT_INIT", Some(INIT)) => true,
                (Runs::At(address), "DT_INIT", None) => is_stripped && init_section == Some(*address),
                _ => false,
            };
            if is_runtime {
                frame_dummies += usize::from(through == ".init_array");
            } else if constructors.len() < NAMED_CONSTRUCTORS {
                let SymbolName { text, crate_name } = name.unwrap_or_else(|| runs.unnamed());
                constructors.push(Constructor { crate_name, function: text, through });
            }
        }
        Ok(constructors)
    }

    /// What `.init_array` runs, and what resolves symbols while the object is loaded.
    fn init_array(&self, dynamic: &Dynamic) -> Result<Vec<(Runs<'a>, &'static str)>, Flaw> {
        let slots: &[object::U64<Endianness>] = self.table(dynamic, elf::DT_INIT_ARRAY, elf::DT_INIT_ARRAYSZ)?;
        let first = dynamic.value(elf::DT_INIT_ARRAY).unwrap_or(0);
        // Where no relocation is written out for a slot, it is in the packed ones, and the address in the slot itself.
        let mut array: Vec<_> = slots.iter().map(|slot| Runs::At(slot.get(self.endian))).collect();
        let mut resolvers = Vec::new();
        let tables = [(elf::DT_RELA, elf::DT_RELASZ), (elf::DT_JMPREL, elf::DT_PLTRELSZ)];
        for (address, length) in tables {
            let list: &[elf::Rela64<Endianness>] = self.table(dynamic, address, length)?;
            for relocation in list {
                let addend = relocation.r_addend(self.endian).cast_unsigned();
                let kind = relocation.r_type(self.endian, false).0;
                if self.machine.is_some_and(|machine| kind == machine.resolved) && resolvers.len() < NAMED_CONSTRUCTORS
                {
                    resolvers.push((Runs::At(addend), "a resolver (IFUNC)"));
                }
                let offset = relocation.r_offset(self.endian).wrapping_sub(first);
                let slot = usize::try_from(offset / 8).ok().and_then(|index| array.get_mut(index));
                let Some(slot) = slot.filter(|_| !slots.is_empty()) else { continue };
                *slot = if self.machine.is_some_and(|machine| kind == machine.relative) {
                    Runs::At(addend)
                } else {
                    self.symbol_of(dynamic, relocation.r_sym(self.endian, false)).map_or(Runs::Unknown, Runs::Symbol)
                };
            }
        }
        let array = array.into_iter().map(|runs| (runs, ".init_array"));
        Ok(array.chain(resolvers).take(2 * NAMED_CONSTRUCTORS + 1).collect())
    }

    /// The name of a symbol that a relocation refers to.
    fn symbol_of(&self, dynamic: &Dynamic, index: u32) -> Option<&'a [u8]> {
        let size = size_of::<elf::Sym64<Endianness>>() as u64;
        let address = dynamic.value(elf::DT_SYMTAB)?.checked_add(size.checked_mul(index.into())?)?;
        let bytes = self.at(address, size)?;
        let (symbol, _) = object::from_bytes::<elf::Sym64<Endianness>>(bytes).ok()?;
        self.text_at(dynamic, symbol.st_name(self.endian).into())
    }

    /// The names of the functions at these addresses, read in one go.
    fn names_of(&self, found: &[(Runs<'a>, &'static str)], symbols: &Symbols<'a>) -> BTreeMap<u64, &'a [u8]> {
        let wanted: BTreeSet<u64> = found.iter().filter_map(|(runs, _)| runs.address()).collect();
        let mut names: BTreeMap<u64, &[u8]> = BTreeMap::new();
        for symbol in symbols.iter() {
            let address = symbol.st_value(self.endian);
            let is_code = matches!(symbol.st_type(), elf::STT_FUNC | elf::STT_GNU_IFUNC | elf::STT_NOTYPE);
            if !is_code || symbol.is_undefined(self.endian) || !wanted.contains(&address) {
                continue;
            }
            if let Ok(name) = symbol.name(self.endian, symbols.strings())
                && !name.is_empty()
            {
                // A function has the say over a mere label at the same place.
                let slot = names.entry(address).or_insert(name);
                if symbol.st_type() != elf::STT_NOTYPE {
                    *slot = name;
                }
            }
        }
        names
    }

    fn wants_executable_data(&self) -> bool {
        let both = elf::PF_W.0 | elf::PF_X.0;
        let mut stack = None;
        for segment in self.segments {
            let flags = segment.p_flags(self.endian).0;
            match segment.p_type(self.endian) {
                elf::PT_GNU_STACK => stack = Some(flags),
                elf::PT_LOAD if flags & both == both => return true,
                _ => {}
            }
        }
        // Without the note the loader takes the stack for one that must be executable.
        stack.is_none_or(|flags| flags & elf::PF_X.0 != 0)
    }
}

/// What the loader would run.
enum Runs<'a> {
    /// The function of the object at this address.
    At(u64),
    /// The function of this name, of whatever object.
    Symbol(&'a [u8]),
    /// It cannot be told.
    Unknown,
}

impl Runs<'_> {
    fn address(&self) -> Option<u64> {
        match self {
            Self::At(address) => Some(*address),
            Self::Symbol(_) | Self::Unknown => None,
        }
    }

    fn unnamed(&self) -> SymbolName {
        let text = self.address().map_or("a function without a name".to_owned(), |at| format!("the code at {at:#x}"));
        SymbolName { text, crate_name: None }
    }
}

fn not_shared(kind: elf::FileType) -> Option<&'static str> {
    match kind {
        elf::ET_DYN => None,
        elf::ET_EXEC => Some("a program"),
        elf::ET_REL => Some("an object that is not linked"),
        elf::ET_CORE => Some("a memory dump"),
        _ => Some("of an unknown kind"),
    }
}

fn host() -> String {
    format!("{} ({})", std::env::consts::ARCH, std::env::consts::OS)
}

fn truncated(part: &str) -> Flaw {
    Flaw::Truncated { part: part.to_owned() }
}

fn malformed(part: &str, error: object::Error) -> Flaw {
    Flaw::Malformed { what: format!("{part}: {error}") }
}
