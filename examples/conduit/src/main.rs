//! The base of Conduit: the starters and modules that its `Cargo.toml` lists.

#![forbid(unsafe_code)]

bedplate::base!();
