//! Every interleaving of pinning, swapping and draining, tried by loom on the file that ships.
//!
//! `sync` has loom's primitives under the names of the core's own, and `cell` is the core's file.

#![allow(missing_docs, reason = "nothing here is an interface")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

#[allow(dead_code, unreachable_pub, reason = "the file is the core's, and the models use a part of it")]
#[path = "../../core/src/deploy/cell.rs"]
mod cell;
mod models;
mod sync;
