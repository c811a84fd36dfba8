//! A base: the starters and modules that its `Cargo.toml` lists, with the settings in
//! `bedplate.toml`. There is nothing to write here.

bedplate::base!();
