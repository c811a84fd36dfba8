use bedplate::{Export, module};

struct Routes;

impl Export for Routes {}

#[module]
fn hello(context: impl Clone) -> Routes {
    let _ = context;
    Routes
}

fn main() {}
