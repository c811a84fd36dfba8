use bedplate::{Export, module};

struct Routes;

impl Export for Routes {}

#[module]
fn hello() -> &'static str {
    "hello"
}

fn main() {}
