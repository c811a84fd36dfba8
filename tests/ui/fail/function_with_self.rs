use bedplate::{Export, module};

struct Routes;

impl Export for Routes {}

#[module]
fn hello(&self) -> Routes {
    Routes
}

fn main() {}
