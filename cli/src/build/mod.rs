//! Building: what cargo builds once, what is linked from it, and the bundle.

mod bundle;
mod cargo;
mod closure;
mod label;
mod library;
mod link;
mod lock;
mod native;
mod replay;
mod revision;
mod stamp;
mod workshop;

pub(crate) use cargo::Units;
pub(crate) use closure::Closure;
pub(crate) use label::hex;
pub(crate) use library::BaseLibrary;
pub(crate) use lock::Lock;
pub(crate) use replay::{Object, Replay};
pub(crate) use revision::Checkout;
pub(crate) use workshop::Workshop;
