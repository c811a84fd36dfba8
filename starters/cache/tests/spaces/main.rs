//! Bases with modules that have caches.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod apart;
mod bounds;
mod conformance;
mod declared;
mod generations;
mod loading;
mod numbers;
mod pages;
mod refused;

use bedplate_starter_cache::{Space, Weigh};

/// A module as people write one. The attribute wants the crate's root.
#[bedplate::module(name = "declared")]
struct Declared {
    titles: Space<u64, String>,
    texts: Space<u64, String, ByLength>,
}

impl bedplate::Module for Declared {
    async fn start(&self, _: &bedplate::ModuleContext) -> bedplate::Result<()> {
        self.titles.insert(1, "one".to_owned()).await;
        self.texts.insert(1, "all about one".to_owned()).await;
        Ok(())
    }
}

/// A text takes as many bytes as it has.
struct ByLength;

impl Weigh<u64, String> for ByLength {
    fn weigh(_: &u64, text: &String) -> usize {
        text.len()
    }
}
