//! Settings: typed sections of one layered tree, in which every value knows where it came from.
//!
//! The layers, from the lowest to the highest: the defaults of the declarations, `bedplate.toml`,
//! `bedplate.<profile>.toml`, environment variables (`BEDPLATE__MODULES__COMMENTS__MAX_LENGTH`), and
//! `--set modules.comments.max_length=80`. Values from the last two are text, which becomes what the setting's
//! type asks for. Everything that is wrong is reported at once.
//!
//! serde alone stops at its first error, so the derive reads field by field: each key is found in the layers,
//! read on its own, and what fails is recorded with the line it stands in.

mod byte_size;
mod compare;
mod deserialize;
mod environment;
mod explain;
mod file;
mod known;
mod node;
mod origin;
mod path;
mod probe;
mod problem;
mod read_error;
#[doc(hidden)]
pub mod schema;
mod secret;
mod section;
mod sources;
pub(crate) mod suggest;
#[cfg(test)]
mod tests;
mod tree;

pub use byte_size::{ByteSize, ByteSizeError};
pub use explain::SettingRow;
pub use known::Known;
pub use origin::{Origin, Place};
pub use path::{KeyPath, KeyPathError};
pub use problem::SettingProblem;
pub use schema::{Key, Schema};
pub use secret::Secret;
pub use section::{Fallback, Section};
pub use sources::Sources;
pub use tree::Tree;

#[doc = include_str!("derive.md")]
pub use bedplate_macros::Settings;

/// A type that is read from one section of the settings. Derive it: see [the derive](derive@Settings).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from the settings",
    label = "is no type of settings",
    note = "help: write `#[derive(bedplate::Settings)]` above its declaration",
    note = "a field that is a single value, such as a number, is written without `#[setting(nested)]`"
)]
pub trait Settings: Sized + Send + Sync + 'static {
    /// The keys that the type reads.
    fn schema() -> Schema;

    /// Reads the type from a section. `None`: problems were recorded in the section.
    fn read(section: &mut Section<'_>) -> Option<Self>;
}

/// No settings.
impl Settings for () {
    fn schema() -> Schema {
        Schema::default()
    }

    fn read(_: &mut Section<'_>) -> Option<Self> {
        Some(())
    }
}

/// A type that can be the value of one setting: any that serde can read.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the value of a setting",
    label = "serde cannot read this type",
    note = "help: write `#[derive(serde::Deserialize)]` above its declaration",
    note = "help: if it derives `Settings` itself, write `#[setting(nested)]` above the field"
)]
pub trait SettingValue: serde::de::DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: serde::de::DeserializeOwned> SettingValue for T {}
