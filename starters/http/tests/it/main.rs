//! The http starter in a real base: what is served, refused, drained and swapped.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod answers;
mod conformance;
mod connections;
mod held;
mod logs;
mod mounting;
mod streams;
mod support;
mod swaps;
mod websockets;
