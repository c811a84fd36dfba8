//! The head of a request: host, origin, token.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bedplate_starter_admin::fuzzing::request(bytes));
