use bedplate::{Export, module};

struct Routes;

impl Export for Routes {}

#[module]
fn hello(#[own] count: u8) -> Routes {
    let _ = count;
    Routes
}

fn main() {}
