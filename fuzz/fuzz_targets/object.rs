//! A file that is said to be the object of a module: its sections, label and build id.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bedplate_starter_admin::fuzzing::object(bytes));
