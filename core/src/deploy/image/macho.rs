//! Reads a Mach-O file through the general reader: the label, `LC_UUID`, what it needs and what would run.

use object::macho::{self, MachHeader64};
use object::read::macho::{MachHeader as _, MachOFile64, Section as _};
use object::{Architecture, Endianness, Object as _, ObjectKind, ObjectSection as _, ObjectSymbol as _};

use super::facts::{Facts, NAMED_CONSTRUCTORS};
use super::flaw::{Constructor, Flaw};
use super::identity::BuildId;
use super::label::{ENTRY_SYMBOL, LABEL_SECTION_MACHO};
use super::symbol::SymbolName;

/// Reads a file.
pub(super) fn read(bytes: &[u8]) -> Result<Facts, Flaw> {
    let file = MachOFile64::<Endianness>::parse(bytes).map_err(|error| malformed(&error))?;
    let wants = std::env::consts::ARCH;
    let is = match file.architecture() {
        Architecture::X86_64 => "x86_64",
        Architecture::Aarch64 => "aarch64",
        _ => "another machine",
    };
    if is != wants {
        return Err(Flaw::ForeignMachine { is: is.to_owned(), wants: wants.to_owned() });
    }
    if file.kind() != ObjectKind::Dynamic {
        return Err(Flaw::NotShared { is: "a program or an object that is not linked" });
    }
    let label = match file.section_by_name(LABEL_SECTION_MACHO) {
        Some(section) => Some(section.data().map_err(|_| Flaw::Truncated { part: "the label".to_owned() })?.to_vec()),
        None => None,
    };
    // Symbols carry an underscore before the name that the source knows.
    let has_entry = file.symbols().any(|symbol| {
        symbol.is_definition()
            && symbol.name_bytes().is_ok_and(|name| name.strip_prefix(b"_") == Some(ENTRY_SYMBOL.as_bytes()))
    });
    Ok(Facts {
        label,
        build_id: file.mach_uuid().ok().flatten().and_then(|uuid| BuildId::new(&uuid)),
        needed: needed(file.macho_header(), bytes)?,
        constructors: constructors(&file),
        statics: Vec::new(),
        has_entry,
        flaws: Vec::new(),
    })
}

/// The file names of the libraries that it needs, without `@rpath/`.
fn needed(header: &MachHeader64<Endianness>, bytes: &[u8]) -> Result<Vec<String>, Flaw> {
    let endian = header.endian().map_err(|error| malformed(&error))?;
    let mut commands = header.load_commands(endian, bytes, 0).map_err(|error| malformed(&error))?;
    let mut needed = Vec::new();
    while let Some(command) = commands.next().map_err(|error| malformed(&error))? {
        if let Some(library) = command.dylib().map_err(|error| malformed(&error))? {
            let name = command.string(endian, library.dylib.name).map_err(|error| malformed(&error))?;
            let name = String::from_utf8_lossy(name);
            needed.push(name.rsplit('/').next().unwrap_or_default().to_owned());
        }
    }
    Ok(needed)
}

/// The C runtime brings none: each entry of these sections is somebody's.
fn constructors(file: &MachOFile64<'_, Endianness>) -> Vec<Constructor> {
    let endian = file.endian();
    let is_initializer = |section: &object::read::macho::MachOSection64<'_, '_, Endianness>| {
        let kind = section.macho_section().section_type(endian);
        (kind == macho::S_MOD_INIT_FUNC_POINTERS || kind == macho::S_INIT_FUNC_OFFSETS) && section.size() > 0
    };
    let through = file.sections().filter(is_initializer);
    let names: Vec<SymbolName> = file
        .symbols()
        .filter_map(|symbol| symbol.name_bytes().ok())
        .map(|name| SymbolName::of(name.strip_prefix(b"_").unwrap_or(name)))
        .filter(|name| name.text.to_lowercase().contains("ctor"))
        .take(NAMED_CONSTRUCTORS)
        .collect();
    // The pointers are chained fixups: whose they are is told by what names itself so.
    through
        .take(NAMED_CONSTRUCTORS)
        .map(|_| Constructor {
            crate_name: names.iter().find_map(|name| name.crate_name.clone()),
            function: names.first().map_or("a function without a name".to_owned(), |name| name.text.clone()),
            through: "an initializer section",
        })
        .collect()
}

fn malformed(error: &object::Error) -> Flaw {
    Flaw::Malformed { what: error.to_string() }
}
