//! The JSON document of a deployment, as it comes over the socket.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bedplate_starter_admin::fuzzing::document(bytes));
