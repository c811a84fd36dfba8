//! A bounded run of the fuzz targets: the seeds of each, and inputs that are made from them.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::path::Path;

use bedplate_starter_admin::fuzzing;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// The seeds of a target, by name.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "the target {target} has no seeds");
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// One change of an input: a byte that is another, a piece that goes, a piece that comes twice, an end that is cut off.
#[derive(Debug, Clone)]
enum Edit {
    Byte(Index, u8),
    Remove(Index, u8),
    Repeat(Index, u8),
    Cut(Index),
}

impl Edit {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let piece = |at: &Index, length: u8, bytes: &[u8]| {
            let begin = at.index(bytes.len());
            begin..(begin + usize::from(length)).min(bytes.len())
        };
        match self {
            Self::Byte(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Remove(at, length) => drop(bytes.drain(piece(at, *length, bytes))),
            Self::Repeat(at, length) => {
                let piece = piece(at, *length, bytes);
                let twice = bytes[piece.clone()].to_vec();
                bytes.splice(piece.start..piece.start, twice);
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
        }
    }
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Byte(at, byte)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, length)| Edit::Remove(at, length)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, length)| Edit::Repeat(at, length)),
        any::<Index>().prop_map(Edit::Cut),
    ]
}

/// Inputs that are nearly seeds, and some that are nothing.
fn input(target: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let seeds = seeds(target);
    let changed = (any::<Index>(), vec(edit(), 0..6)).prop_map(move |(which, edits)| {
        let mut bytes = seeds[which.index(seeds.len())].clone();
        edits.iter().for_each(|edit| edit.apply(&mut bytes));
        bytes
    });
    prop_oneof![9 => changed, 1 => vec(any::<u8>(), 0..512)]
}

fn run(target: &str, check: fn(&[u8])) {
    seeds(target).iter().for_each(|seed| check(seed));
    let config = ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&input(target), |bytes| {
            check(&bytes);
            Ok(())
        })
        .unwrap();
}

#[test]
fn documents() {
    run("document", fuzzing::document);
}

#[test]
fn requests() {
    run("request", fuzzing::request);
}

#[test]
fn objects() {
    run("object", fuzzing::object);
}
