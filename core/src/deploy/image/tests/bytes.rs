//! Any bytes are answered, and none of them panics.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::file::{Fit, inspect};
use super::objects::{LIBRARY, Object, the_base_label};

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| Object::default().make("mutated"));

/// Inspects, and checks what can be read: whether it is taken does not matter here.
fn answered(bytes: &[u8]) {
    let base = the_base_label();
    match inspect(bytes) {
        Ok(file) => {
            let fit = Fit { base: &base, library: LIBRARY, module: None, allow_constructors: &[] };
            let _ = file.check(&fit, "any.so");
        }
        Err(flaws) => {
            assert!(!flaws.is_empty());
            flaws.iter().for_each(|flaw| assert!(!flaw.problem("any.so").to_string().is_empty()));
        }
    }
}

/// Where the loader's tables are: the header, and the places that it leads to.
fn positions() -> impl Strategy<Value = usize> {
    let length = WHOLE.len();
    prop_oneof![0..64_usize, 64..900_usize, 0..length, (length - 2048)..length]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn noise_is_answered(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
        answered(&bytes);
    }

    #[test]
    fn noise_behind_a_true_header_is_answered(bytes in proptest::collection::vec(any::<u8>(), 0..2048), kept in 16..256_usize) {
        let mut file = WHOLE[..kept].to_vec();
        file.extend(bytes);
        answered(&file);
    }

    #[test]
    fn changed_bytes_are_answered(changes in proptest::collection::vec((positions(), any::<u8>()), 1..12)) {
        let mut bytes = WHOLE.clone();
        for (position, value) in changes {
            bytes[position] = value;
        }
        answered(&bytes);
    }

    #[test]
    fn changed_numbers_are_answered(
        changes in proptest::collection::vec((positions(), prop_oneof![Just(0), Just(u64::MAX), Just(1 << 63), any::<u64>()]), 1..4)
    ) {
        let mut bytes = WHOLE.clone();
        for (position, value) in changes {
            let at = (position & !7).min(bytes.len() - 8);
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        answered(&bytes);
    }

    #[test]
    fn a_cut_file_is_answered(length in 0..WHOLE.len(), from in 0..64_usize) {
        answered(&WHOLE[from.min(length)..length]);
    }
}

/// Found by the fuzzer, or thought of: kept so that they are tried for ever.
#[test]
fn the_seeds_are_answered() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/deploy/image/tests/seeds");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        answered(&std::fs::read(entry.unwrap().path()).unwrap());
        count += 1;
    }
    assert!(count >= 5, "the corpus is there");
}
