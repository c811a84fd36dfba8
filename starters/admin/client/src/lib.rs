#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod blocking;
mod client;
mod endpoint;
mod error;
pub mod protocol;
#[cfg(feature = "remote")]
mod remote;
pub mod render;

pub use client::Client;
pub use endpoint::Endpoint;
pub use error::ClientError;
#[cfg(feature = "remote")]
pub use remote::Remote;
