//! The smallest struct that is a module: named like its package, with no field.
#![forbid(unsafe_code)]
#![deny(warnings)]

use bedplate::{Construct, DeclaredModule, Module, Requirements, module};

#[module]
struct Clock;

impl Module for Clock {}

fn main() {
    assert_eq!(Clock::DESCRIPTOR.name, env!("CARGO_PKG_NAME"));
    assert_eq!(Clock::DESCRIPTOR.summary, "");
    let mut requirements = Requirements::default();
    Clock::requirements(&mut requirements);
    assert!(requirements.as_slice().is_empty());
    assert!((Clock::DESCRIPTOR.services)().is_empty());
}
