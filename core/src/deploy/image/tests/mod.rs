//! Real objects, made with the compiler that makes the tests, and what is done to them.

mod bytes;
mod checks;
pub(crate) mod log;
pub(crate) mod objects;
