use bedplate::{Export, module};

struct Routes;

impl Export for Routes {}

#[module]
unsafe fn hello() -> Routes {
    Routes
}

fn main() {}
