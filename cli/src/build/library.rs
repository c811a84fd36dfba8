//! The base library, which holds all that the base and its starters are made of, and the small
//! executable that starts it.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use bedplate::deploy::image::ObjectLabel;

use crate::build::label::{Compiler, Labels, hex};
use crate::build::link::{kept, linker_arguments, run, text};
use crate::build::stamp::{Stamp, dependencies};
use crate::build::{Closure, Units, native};
use crate::workspace::Workspace;

/// The base library and the executable, linked.
#[derive(Debug, Clone)]
pub(crate) struct BaseLibrary {
    /// The name of the library's crate.
    pub(crate) crate_name: String,
    /// The library.
    pub(crate) library: PathBuf,
    /// The executable.
    pub(crate) executable: PathBuf,
    /// What it was built from.
    pub(crate) label: ObjectLabel,
    /// Whether it was linked now, and was not before.
    pub(crate) is_new: bool,
}

/// Links the base library and the executable, where they are not what they would be.
pub(crate) fn link_base(
    workspace: &Workspace,
    units: &Units,
    closure: &Closure,
    labels: &Labels<'_>,
) -> Result<BaseLibrary> {
    let folder = workspace.output.join("link");
    fs::create_dir_all(&folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let label = labels.base()?;
    let crate_name = format!("bedplate_base_{}", workspace.base.name.replace('-', "_"));
    let apple = label.target.contains("apple");
    let library = folder.join(format!("lib{crate_name}.{}", if apple { "dylib" } else { "so" }));
    let executable = folder.join(&workspace.base.binary);
    let label_file = folder.join("base.label.json");

    // Every crate by name: the compiler leaves out what is listed and never named, and a module that
    // does name it would then carry it.
    let mut source = String::from("//! What the base and its modules share.\n");
    for stem in &closure.shared {
        writeln!(source, "extern crate {} as _;", alias(stem))?;
    }
    // The modules that the base lists are no part of what is linked here.
    let (arguments, version) = (kept(&closure.base), env!("CARGO_PKG_VERSION"));
    let inputs = hex(format!("{}\n{source}\n{arguments:?}\n{version}", label.to_json()).as_bytes());
    let stamp_file = folder.join("base.stamp.json");
    let is_fresh = library.exists()
        && executable.exists()
        && Stamp::read(&stamp_file).is_some_and(|stamp| stamp.still_holds(&inputs));
    let linked = BaseLibrary { crate_name, library, executable, label, is_new: !is_fresh };
    if is_fresh {
        return Ok(linked);
    }
    let _ = fs::remove_file(&stamp_file);
    fs::write(&label_file, linked.label.to_json())?;
    let root = folder.join("base.rs");
    fs::write(&root, &source)?;

    let libraries: Vec<_> = closure
        .shared
        .iter()
        .map(|stem| {
            units.by_stem.get(stem).map(|unit| unit.library.clone()).with_context(|| format!("`{stem}` was built"))
        })
        .collect::<Result<_>>()?;
    let script = folder.join("base.symbols");
    let symbols = native::symbols(&libraries, &[&closure.base])?;
    fs::write(&script, native::version_script(&symbols))?;

    let base = &closure.base;
    let mut rustc = base.command();
    rustc
        .args(["--crate-name", &linked.crate_name, "--crate-type", "dylib", "--emit=link", "-C", "prefer-dynamic"])
        .args(["--cap-lints", "allow", "-o"])
        .arg(&linked.library)
        .args(kept(base))
        .args(linker_arguments(&linked.label.target));
    let origin = if apple { "@loader_path" } else { "$ORIGIN" };
    rustc.args(["-C".to_owned(), format!("link-arg=-Wl,-rpath,{origin}")]);
    if apple {
        rustc.args(["-C".to_owned(), format!("link-arg=-Wl,-install_name,@rpath/lib{}.dylib", linked.crate_name)]);
    } else if !symbols.is_empty() {
        rustc.args(["-C".to_owned(), format!("link-arg=-Wl,--version-script={}", text(&script)?)]);
    }
    for (stem, library) in closure.shared.iter().zip(&libraries) {
        rustc.args(["--extern".to_owned(), format!("{}={}", alias(stem), text(library)?)]);
    }
    run(rustc.arg(&root), "the base library")?;

    let mut rustc = base.command();
    rustc
        .args(["--crate-name", base.crate_name(), "--crate-type", "bin", "-C", "prefer-dynamic", "-o"])
        .arg(&linked.executable)
        .arg(format!("--emit=link,dep-info={}", text(&folder.join("base.d"))?))
        .args(kept(base))
        .args(["-C".to_owned(), format!("link-arg=-Wl,-rpath,{origin}/../lib")])
        .env("BEDPLATE_BASE_LIBRARY", &linked.crate_name)
        .env("BEDPLATE_OBJECT_LABEL", &label_file);
    for root in &closure.roots {
        let path = root.path.as_ref().context("a root has a library")?;
        rustc.args(["--extern".to_owned(), root.argument(path)]);
    }
    rustc.args(["--extern".to_owned(), format!("{}={}", linked.crate_name, text(&linked.library)?)]);
    run(rustc.arg(base.root().context("a binary has a root file")?), "the base's executable")?;

    let read = fs::read_to_string(folder.join("base.d")).unwrap_or_default();
    let files =
        dependencies(&read, &base.folder).into_iter().chain([linked.library.clone(), linked.executable.clone()]);
    Stamp::of(inputs, files).write(&stamp_file);
    Ok(linked)
}

/// A name for one build of a crate: there may be two versions of it.
fn alias(stem: &str) -> String {
    stem.replace('-', "_")
}

/// The compiler that the base is built with.
pub(crate) fn compiler(closure: &Closure) -> Result<Compiler> {
    Compiler::of(&closure.base)
}
