//! The promises of the core, each tried on bases that are built from explicit lists.

#![allow(missing_docs, unreachable_pub, reason = "nothing here is an interface")]
#![allow(clippy::unwrap_used, reason = "a test that meets an error has failed")]

mod bad_input;
mod bake;
mod bases;
mod containment;
mod deadlines;
mod doors;
mod draining;
mod exclusive;
mod failures;
mod graphs;
mod hand_over;
mod leaks;
mod ledger;
mod lifecycle;
mod live_settings;
mod pinning;
mod plan;
mod queue;
mod references;
mod restart;
mod services;
mod starters;
mod support;
mod tasks;
