//! Every kind of object that is not loaded, and why.

use super::super::file::{Fit, ObjectFile, inspect};
use super::super::flaw::Flaw;
use super::super::identity::Digest;
use super::super::label::{CrateKind, ObjectLabel};
use super::objects::{LIBRARY, Object, the_base_label, the_label};
use crate::descriptors::ModuleName;

fn codes(flaws: &[Flaw]) -> Vec<&'static str> {
    flaws.iter().map(Flaw::code).collect()
}

fn refused(bytes: &[u8]) -> Vec<&'static str> {
    codes(&inspect(bytes).unwrap_err())
}

fn flaws_with(file: &ObjectFile, allowed: &[&str]) -> Vec<Flaw> {
    let base = the_base_label();
    let allowed: Vec<_> = allowed.iter().map(|&name| name.to_owned()).collect();
    let module = ModuleName::new("comments").unwrap();
    file.flaws(&Fit { base: &base, library: LIBRARY, module: Some(&module), allow_constructors: &allowed })
}

fn flaws(file: &ObjectFile) -> Vec<Flaw> {
    flaws_with(file, &[])
}

fn labelled(name: &str, change: impl FnOnce(&mut ObjectLabel)) -> ObjectFile {
    let mut label = the_label("comments");
    change(&mut label);
    inspect(&Object { label: Some(label.to_json()), ..Object::default() }.make(name)).unwrap()
}

#[test]
fn an_object_that_fits_is_taken() {
    let bytes = Object::default().make("fits");
    let file = inspect(&bytes).unwrap();
    assert_eq!(flaws(&file), []);
    assert_eq!(file.label(), &the_label("comments"));
    assert_eq!(file.digest(), Digest::of(&bytes));
    assert_eq!(file.build_id().to_string().len(), 40);
    assert_eq!(file.module().unwrap().as_str(), "comments");
}

#[test]
fn a_stripped_object_that_fits_is_taken() {
    let file = inspect(&Object { flags: &["-C", "strip=symbols"], ..Object::default() }.make("stripped")).unwrap();
    assert_eq!(flaws(&file), []);
}

#[test]
fn what_is_no_object_is_refused() {
    assert_eq!(refused(b""), ["object-empty"]);
    assert_eq!(refused(b"\x7fEL"), ["object-truncated"]);
    assert_eq!(refused(b"#!/bin/sh\nexit 0\n"), ["not-an-object"]);
    assert_eq!(refused(&[0; 4096]), ["not-an-object"]);
    assert_eq!(refused(&[0xcf, 0xfa, 0xed, 0xfe, 7, 0, 0, 1]), ["object-foreign"]);
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_refused() {
    let bytes = Object::default().make("whole");
    for length in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        let found = inspect(&bytes[..length]).expect_err("it is cut off");
        let code = found[0].code();
        assert!(matches!(code, "object-empty" | "object-truncated"), "{length} of {}: {found:?}", bytes.len());
    }
}

#[test]
fn a_section_beyond_the_end_is_found_also_where_nobody_reads_it() {
    let whole = Object::default().make("long_section");
    let number = |at: usize| u64::from_le_bytes(whole[at..at + 8].try_into().unwrap()) as usize;
    // The table of the sections, that the header points to: kind and size of each.
    let (table, count) = (number(40), usize::from(u16::from_le_bytes([whole[60], whole[61]])));
    let with_bytes = (0..count).map(|index| table + index * 64).filter(|at| whole[at + 4] == 1);
    let mut found = 0;
    for at in with_bytes {
        let mut bytes = whole.clone();
        bytes[at + 32..at + 40].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(refused(&bytes), ["object-truncated"]);
        found += 1;
    }
    assert!(found > 3, "code, data, label");
}

#[test]
fn an_object_for_another_machine_is_refused() {
    let mut bytes = Object::default().make("foreign");
    bytes[18] = 40; // ARM
    assert_eq!(
        inspect(&bytes).unwrap_err()[0].to_string().split(',').next().unwrap(),
        "the object is for the machine with the ELF number 40"
    );
    bytes[4] = 1; // 32 bits
    assert_eq!(refused(&bytes), ["object-foreign"]);
}

#[test]
fn a_program_is_refused() {
    let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
    assert_eq!(refused(&program), ["object-not-shared"]);
}

#[test]
fn the_label_must_be_there_and_readable() {
    assert_eq!(refused(&Object { label: None, ..Object::default() }.make("unlabelled")), ["object-unlabelled"]);
    let cases = [
        ("nonsense", "nonsense".to_owned(), "label-unreadable"),
        ("no_object", "[1]".to_owned(), "label-unreadable"),
        ("no_fields", "{\"format\":1}".to_owned(), "label-unreadable"),
        ("later_form", "{\"format\":2,\"unknown\":true}".to_owned(), "label-format"),
        ("no_name", the_label("../../etc").to_json(), "label-unreadable"),
    ];
    for (name, label, code) in cases {
        assert_eq!(refused(&Object { label: Some(label), ..Object::default() }.make(name)), [code], "{name}");
    }
}

#[test]
fn an_object_without_a_build_id_is_refused() {
    let bytes = Object { flags: &["-C", "link-arg=-Wl,--build-id=none"], ..Object::default() }.make("no_build_id");
    assert_eq!(refused(&bytes), ["object-without-build-id"]);
}

#[test]
fn another_module_is_refused() {
    let file = labelled("another", |label| label.module = Some("articles".to_owned()));
    let found = flaws(&file);
    assert_eq!(codes(&found), ["other-module"]);
    assert_eq!(found[0].to_string(), "the object is the module `articles`, and `comments` was asked for");
    let library = labelled("no_module", |label| label.module = None);
    assert_eq!(codes(&flaws(&library)), ["other-module"]);
}

#[test]
fn what_was_built_for_another_base_is_refused_by_part() {
    type Change = fn(&mut ObjectLabel);
    let cases: [(&str, Change, &str); 9] = [
        ("compiler", |label| label.compiler.push('1'), "other-compiler"),
        ("target", |label| label.target.push('1'), "other-target"),
        ("profile", |label| label.profile = "release".to_owned(), "other-profile"),
        ("flags", |label| label.flags.push("panic=abort".to_owned()), "other-flags"),
        ("bedplate", |label| label.bedplate = "9.9.9".to_owned(), "other-bedplate"),
        ("lock_file", |label| label.crates[0].version.push('1'), "other-lock-file"),
        ("features", |label| label.crates[0].features.clear(), "other-features"),
        ("source", |label| label.crates[0].metadata = "9".repeat(64), "other-base-source"),
        ("missing", |label| label.crates[0].name = "moka".to_owned(), "other-lock-file"),
    ];
    for (name, change, code) in cases {
        assert_eq!(codes(&flaws(&labelled(name, change))), [code], "{name}");
    }
    let mut base = the_base_label();
    base.crates[0].kind = CrateKind::Contract;
    let file = labelled("contract", |label| label.crates[0].metadata = "9".repeat(64));
    let found = file.flaws(&Fit { base: &base, library: LIBRARY, module: None, allow_constructors: &[] });
    assert_eq!(codes(&found), ["other-contract"]);
}

#[test]
fn an_object_without_an_entry_or_without_the_base_is_refused() {
    let file = inspect(&Object { entry: false, ..Object::default() }.make("no_entry")).unwrap();
    // Without its entry nothing of it uses the base, and the linker leaves the library out.
    assert!(codes(&flaws(&file)).contains(&"object-without-entry"));
    let file = inspect(&Object { uses_base: false, ..Object::default() }.make("no_base")).unwrap();
    assert_eq!(codes(&flaws(&file)), ["object-without-base"]);
}

const CONSTRUCTOR: &str = r#"
#[used] #[unsafe(link_section = ".init_array")]
static EARLY: extern "C" fn() = { extern "C" fn early() { std::hint::black_box(1); } early };
"#;

#[test]
fn constructors_are_refused_with_the_name_of_their_crate() {
    let file = inspect(&Object { more: CONSTRUCTOR, ..Object::default() }.make("with_constructor")).unwrap();
    let found = flaws(&file);
    assert_eq!(codes(&found), ["object-constructor"]);
    let text = found[0].to_string();
    assert!(text.starts_with("the crate `with_constructor` has code that runs while the object is loaded"), "{text}");
    assert!(text.contains("`with_constructor::EARLY::early` (.init_array)"), "{text}");
    assert_eq!(flaws_with(&file, &["with-constructor"]), []);
    assert_eq!(codes(&flaws_with(&file, &["another"])), ["object-constructor"]);
}

#[test]
fn constructors_of_a_stripped_object_are_refused() {
    let object = Object { more: CONSTRUCTOR, flags: &["-C", "strip=symbols"], ..Object::default() };
    let file = inspect(&object.make("stripped_constructor")).unwrap();
    assert_eq!(codes(&flaws(&file)), ["object-constructor"]);
}

#[test]
fn a_constructor_of_another_object_is_refused() {
    let more = r#"
        unsafe extern "C" { fn tzset(); }
        #[used] #[unsafe(link_section = ".init_array")] static EARLY: unsafe extern "C" fn() = tzset;
    "#;
    let file = inspect(&Object { more, ..Object::default() }.make("foreign_constructor")).unwrap();
    let found = flaws(&file);
    assert_eq!(codes(&found), ["object-constructor"]);
    assert!(found[0].to_string().contains("`tzset` (.init_array)"), "{}", found[0]);
}

#[test]
fn another_initial_function_is_refused() {
    let object = Object { flags: &["-C", "link-arg=-Wl,-init=bedplate_module_v1"], ..Object::default() };
    let file = inspect(&object.make("other_init")).unwrap();
    let found = flaws(&file);
    assert_eq!(codes(&found), ["object-constructor"]);
    assert!(found[0].to_string().contains("`bedplate_module_v1` (DT_INIT)"), "{}", found[0]);
}

#[test]
fn packed_relocations_hide_no_constructor() {
    let flags = ["-C", "link-arg=-Wl,-z,pack-relative-relocs"];
    let file = inspect(&Object { flags: &flags, ..Object::default() }.make("packed")).unwrap();
    assert_eq!(flaws(&file), []);
    let file = inspect(&Object { more: CONSTRUCTOR, flags: &flags, ..Object::default() }.make("packed_early")).unwrap();
    assert_eq!(codes(&flaws(&file)), ["object-constructor"]);
}

#[test]
fn a_second_copy_of_a_crate_of_the_base_is_refused() {
    // The object's own crate has the name of one that the label says is in the base.
    let file = inspect(&Object { more: STATIC, ..Object::default() }.make("tokio")).unwrap();
    let found = flaws(&file);
    assert_eq!(codes(&found), ["object-defines-base"]);
    assert!(found[0].to_string().contains("`tokio`, which lives in the base library: it defines `tokio::"));
    // Another version of the crate, which the object carries, is its own affair.
    let mut label = the_label("comments");
    let mut other = label.crates[1].clone();
    (other.version, other.in_base) = ("0.2.0".to_owned(), false);
    label.crates.push(other);
    let file = inspect(&Object { label: Some(label.to_json()), more: STATIC, ..Object::default() }.make("tokio"));
    assert_eq!(flaws(&file.unwrap()), []);
}

const STATIC: &str = "#[used] static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(7);";

#[test]
fn executable_data_is_refused() {
    let bytes = Object { flags: &["-C", "link-arg=-Wl,-z,execstack"], ..Object::default() }.make("execstack");
    assert_eq!(refused(&bytes), ["object-executable-data"]);
}

#[test]
fn a_report_says_what_where_and_what_to_do() {
    let file = labelled("report", |label| label.compiler = "rustc 1.96.0".to_owned());
    let base = the_base_label();
    let fit = Fit { base: &base, library: LIBRARY, module: None, allow_constructors: &[] };
    let problems = file.check(&fit, "comments.so").unwrap_err();
    assert_eq!(
        problems[0].to_string(),
        "error[other-compiler]: compiler: the object was built with `rustc 1.96.0`, the base with \
         `rustc 1.95.0 (59807616e 2026-04-14)`\n  where: comments.so (the object)\n  to do: build the module with the \
         compiler of the base (`rust-toolchain.toml` pins it)"
    );
}

/// Makes a library that runs code while it is loaded, and returns its folder.
fn a_library() -> std::path::PathBuf {
    let more = "#[unsafe(no_mangle)] pub extern \"C\" fn of_the_library() -> u32 { 7 }";
    let object = Object { label: None, more, uses_base: false, entry: false, ..Object::default() };
    let folder = object.file("libother").parent().unwrap().to_owned();
    std::fs::rename(folder.join("libother.so"), folder.join("libother.so.1")).unwrap();
    std::os::unix::fs::symlink("libother.so.1", folder.join("libother.so")).unwrap();
    folder
}

#[test]
fn another_library_is_refused_with_its_name() {
    let more = r#"
        unsafe extern "C" { fn of_the_library() -> u32; }
        #[unsafe(no_mangle)] pub extern "C" fn uses_it() -> u32 { unsafe { of_the_library() } }
    "#;
    let search = format!("link-arg=-L{}", a_library().display());
    for (name, kind, flags) in [
        ("needs_library", "needed", vec!["-C", &search, "-C", "link-arg=-lother"]),
        ("filters_library", "auxiliary", vec!["-C", "link-arg=-Wl,--auxiliary=libother.so"]),
        ("filtered", "filter", vec!["-C", "link-arg=-Wl,--filter=libother.so"]),
    ] {
        let more = if kind == "needed" { more } else { "" };
        let file = inspect(&Object { more, flags: &flags, ..Object::default() }.make(name)).unwrap();
        let found = flaws(&file);
        assert_eq!(codes(&found), ["object-needs-library"], "{kind}");
        assert!(found[0].to_string().starts_with("the object needs the library `libother.so`"), "{}", found[0]);
        assert_eq!(flaws_with(&file, &["libother.so"]), [], "{kind}");
    }
}

#[test]
fn what_every_base_has_is_needed_by_many() {
    // The mathematics of C, which a cdylib does not need by itself.
    let more = r#"
        #[link(name = "m")] unsafe extern "C" { fn lgamma(of: f64) -> f64; }
        #[unsafe(no_mangle)] pub extern "C" fn gamma(of: f64) -> f64 { unsafe { lgamma(of) } }
    "#;
    assert_eq!(flaws(&inspect(&Object { more, ..Object::default() }.make("mathematics")).unwrap()), []);
}

/// The place of the dynamic section in a file.
fn dynamic_section(bytes: &[u8]) -> std::ops::Range<usize> {
    let number = |at: usize, length: usize| {
        bytes[at..at + length].iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte))
    };
    let headers = (0..number(56, 2)).map(|index| number(32, 8) + index * 56);
    let header = headers.into_iter().find(|at| number(*at, 4) == 2).unwrap();
    number(header + 8, 8)..number(header + 8, 8) + number(header + 32, 8)
}

#[test]
fn an_entry_of_the_dynamic_section_that_is_there_twice_is_refused() {
    let file = Object { more: CONSTRUCTOR, ..Object::default() }.make("twice");
    let section = dynamic_section(&file);
    let entries: Vec<_> = section.step_by(16).collect();
    let kind = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let place = |wanted: u64| entries.iter().copied().find(|at| kind(&file, *at) == wanted).unwrap();
    // The first says that the list of the constructors is empty (DT_INIT_ARRAYSZ), and the loader goes by the second,
    // which stands where a mere count did (DT_RELACOUNT).
    let (first, second) = (place(27).min(place(0x6fff_fff9)), place(27).max(place(0x6fff_fff9)));
    let mut bytes = file.clone();
    bytes.copy_within(place(27)..place(27) + 16, second);
    bytes[first..first + 8].copy_from_slice(&27_u64.to_le_bytes());
    bytes[first + 8..first + 16].fill(0);
    assert_eq!(refused(&bytes), ["object-malformed"]);
    assert!(inspect(&bytes).unwrap_err()[0].to_string().contains("two entries of the kind 0x1b"));
}

#[test]
fn a_dynamic_section_that_is_not_where_it_is_mapped_is_refused() {
    let mut bytes = Object::default().make("elsewhere");
    let section = dynamic_section(&bytes);
    let table = usize::try_from(u64::from_le_bytes(bytes[32..40].try_into().unwrap())).unwrap();
    let count = usize::from(u16::from_le_bytes(bytes[56..58].try_into().unwrap()));
    let header = (0..count).map(|index| table + index * 56).find(|at| bytes[*at] == 2).unwrap();
    // A copy of it, without what it needs, behind the end of the file.
    let mut copy = bytes[section].to_vec();
    copy[..16].fill(0);
    let place = bytes.len().next_multiple_of(8);
    bytes.resize(place, 0);
    bytes.extend(copy);
    bytes[header + 8..header + 16].copy_from_slice(&(place as u64).to_le_bytes());
    assert_eq!(refused(&bytes), ["object-malformed"]);
}
