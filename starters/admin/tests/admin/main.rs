//! The admin starter in a real base: over its port, over its socket, and over TLS.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod commands;
mod conformance;
mod deployments;
mod logs;
mod probes;
mod remote;
mod requests;
mod socket;
mod support;
mod uploads;
