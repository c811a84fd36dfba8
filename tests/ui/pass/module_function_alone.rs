//! The shortest module.
#![forbid(unsafe_code)]
#![deny(warnings)]

use bedplate::{Export, module};

struct Routes;

impl Export for Routes {}

#[module]
fn hello() -> impl bedplate::IntoExports {
    Routes
}

fn main() {
    let _ = hello();
}
