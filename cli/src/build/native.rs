//! What the base library shows of the C libraries in it.
//!
//! A Rust library shows its own names alone. A module whose code names a function of a C library
//! (through a generic function, say) has to find it in the base library, where it is once.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use object::read::archive::ArchiveFile;
use object::{Object as _, ObjectSymbol as _, SymbolScope};

use crate::record::Call;

/// The C functions and variables in the libraries of some crates: those that are packed into an
/// `.rlib`, and those in static libraries that a build script made.
pub(crate) fn symbols(libraries: &[PathBuf], calls: &[&Call]) -> Result<BTreeSet<String>> {
    let mut symbols = BTreeSet::new();
    for library in libraries {
        read_archive(library, &mut symbols)?;
    }
    for archive in calls.iter().flat_map(|call| static_libraries(call)) {
        read_archive(&archive, &mut symbols)?;
    }
    Ok(symbols)
}

/// The text of a version script that shows these names.
pub(crate) fn version_script(symbols: &BTreeSet<String>) -> String {
    let names: String = symbols.iter().map(|name| format!("    {name};\n")).collect();
    format!("{{\n  global:\n{names}}};\n")
}

/// The `-l static=name` of a call, where they are found below its `-L`s.
fn static_libraries(call: &Call) -> Vec<PathBuf> {
    let folders: Vec<_> = call
        .values("-L")
        .filter_map(|folder| folder.strip_prefix("native=").or_else(|| folder.strip_prefix("all=")))
        .map(|folder| call.folder.join(folder))
        .collect();
    let names = call.values("-l").filter_map(|library| {
        let (kind, name) = library.split_once('=')?;
        (kind == "static" || kind.starts_with("static:")).then(|| name.split(':').next().unwrap_or(name))
    });
    names
        .filter_map(|name| folders.iter().map(|folder| folder.join(format!("lib{name}.a"))).find(|file| file.exists()))
        .collect()
}

fn read_archive(file: &Path, symbols: &mut BTreeSet<String>) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    // A placeholder, or a form that is not known: nothing of it is shown.
    let Ok(archive) = ArchiveFile::parse(&*bytes) else { return Ok(()) };
    for member in archive.members().flatten() {
        let name = String::from_utf8_lossy(member.name()).into_owned();
        if name.ends_with(".rcgu.o") || name.ends_with(".rmeta") {
            continue;
        }
        let Ok(object) =
            member.data(&*bytes).map_err(|_| ()).and_then(|data| object::File::parse(data).map_err(|_| ()))
        else {
            continue;
        };
        let shown = object.symbols().filter(|symbol| {
            symbol.is_definition() && matches!(symbol.scope(), SymbolScope::Dynamic | SymbolScope::Linkage)
        });
        symbols.extend(shown.filter_map(|symbol| symbol.name().ok()).filter(|name| is_c_name(name)).map(str::to_owned));
    }
    Ok(())
}

/// A name that a version script takes as it is, and that is no Rust name.
fn is_c_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with("_ZN")
        && !name.starts_with("_R")
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
