//! Makes objects with rustc: a base library, and modules beside it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::label::ObjectLabel;
use super::super::label::tests::{a_base_label, a_module_label};

/// The file name of the base library.
pub(crate) const LIBRARY: &str = "libthe_base.so";

/// A folder with the base library, beside the program of the tests: the next run begins it anew.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::current_exe().unwrap().with_extension("objects");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let source = "#[inline(never)] pub fn answer() -> u32 { 42 }\npub static SHARED: std::sync::Mutex<u32> = std::sync::Mutex::new(0);";
    compile(&folder, "the_base", "dylib", source, &[]);
    folder
});

/// The folder with the standard library.
static STANDARD: LazyLock<PathBuf> = LazyLock::new(|| {
    let asked = Command::new(compiler()).args(["--print", "sysroot"]).output().unwrap();
    Path::new(String::from_utf8(asked.stdout).unwrap().trim()).join("lib")
});

fn compiler() -> std::ffi::OsString {
    std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())
}

/// How an object is made.
pub(crate) struct Object<'a> {
    /// Its label; `None`: it has no such section.
    pub(crate) label: Option<String>,
    /// Items beside the entry.
    pub(crate) more: &'a str,
    /// Flags for the compiler, after the usual ones.
    pub(crate) flags: &'a [&'a str],
    /// Whether it uses the base library.
    pub(crate) uses_base: bool,
    /// Whether it has an entry.
    pub(crate) entry: bool,
}

impl Default for Object<'_> {
    fn default() -> Self {
        Self { label: Some(the_label("comments").to_json()), more: "", flags: &[], uses_base: true, entry: true }
    }
}

/// The label of the base library.
pub(crate) fn the_base_label() -> ObjectLabel {
    let mut label = a_base_label();
    label.crates.push(super::super::label::tests::a_crate("the_base", "0.1.0", "0", true));
    label.base_fingerprint = label.fingerprint();
    label
}

/// The label of a module that fits the base library.
pub(crate) fn the_label(module: &str) -> ObjectLabel {
    let base = the_base_label();
    let mut label = a_module_label(module);
    label.crates.push(base.crates[2].clone());
    label.base_fingerprint = base.base_fingerprint;
    label
}

impl Object<'_> {
    /// Makes it, and reads the file.
    pub(crate) fn make(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.file(name)).unwrap()
    }

    /// Makes it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        let mut source = String::new();
        if self.uses_base {
            source.push_str("extern crate the_base;\npub fn uses() -> u32 { the_base::answer() }\n");
        }
        if let Some(label) = &self.label {
            let section = if cfg!(target_vendor = "apple") { "__DATA,__bedplate" } else { ".bedplate" };
            source.push_str(&format!(
                "#[used] #[unsafe(link_section = \"{section}\")] static LABEL: [u8; {}] = *b{label:?};\n",
                label.len()
            ));
        }
        if self.entry {
            let used = if self.uses_base { "uses()" } else { "0" };
            source.push_str(&format!(
                "#[unsafe(no_mangle)] pub extern \"C\" fn bedplate_module_v1() -> usize {{ {used} as usize }}\n"
            ));
        }
        source.push_str(self.more);
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let folder = FOLDER.join(COUNT.fetch_add(1, Ordering::Relaxed).to_string());
        std::fs::create_dir(&folder).unwrap();
        compile(&folder, name, "cdylib", &source, self.flags)
    }
}

fn compile(folder: &Path, name: &str, kind: &str, source: &str, flags: &[&str]) -> PathBuf {
    let library = if kind == "dylib" { folder } else { &**FOLDER };
    let file = folder.join(format!("{name}.rs"));
    std::fs::write(&file, source).unwrap();
    let output = folder.join(if kind == "dylib" { format!("lib{name}.so") } else { format!("{name}.so") });
    let made = Command::new(compiler())
        .args(["--edition", "2024", "--crate-type", kind, "--crate-name", name, "-C", "prefer-dynamic"])
        .args(["-C", "link-arg=-Wl,--build-id=sha1", "-C", "opt-level=1", "-L"])
        .arg(library)
        .args([library, &STANDARD].map(|found| format!("-Clink-arg=-Wl,-rpath,{}", found.display())))
        .args(flags)
        .arg("-o")
        .arg(&output)
        .arg(&file)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}\n{source}", String::from_utf8_lossy(&made.stderr));
    output
}

/// Two copies of a file, each with an inode of its own.
pub(crate) fn copied(bytes: &[u8], folder: &Path) -> [PathBuf; 2] {
    ["one.so", "other.so"].map(|name| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    })
}
