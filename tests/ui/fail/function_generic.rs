use bedplate::{Export, module};

struct Routes;

impl Export for Routes {}

#[module]
fn hello<T>() -> Routes {
    Routes
}

fn main() {}
