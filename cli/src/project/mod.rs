//! Making and changing a project: `new`, `add`, `remove`, `module`, `starter`.

mod add;
mod arguments;
mod ask;
mod bedplate;
mod edit;
mod interrupt;
mod layout;
mod manifest;
mod module;
mod name;
mod new;
mod retire;
mod settings;
mod starter;

pub(crate) use arguments::{commands, run};
pub(crate) use ask::confirm;
