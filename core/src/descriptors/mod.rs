//! What the macros register: `const`-built statics that say who is linked, and from where.

mod module;
mod name;
mod object;
mod service;
mod settings;
mod site;
mod slices;
mod starter;

pub use module::{ModuleDescriptor, Presence};
pub use name::{InvalidName, ModuleName};
pub use service::ServiceDescriptor;
pub use settings::SettingsInfo;
pub use site::Site;
#[doc(hidden)]
pub use slices::MODULES;
pub(crate) use slices::{linked_modules, linked_starters};
pub use starter::{HandleInfo, StartOrder, StarterDescriptor};
