use bedplate::{Export, module};

struct Routes;

impl Export for Routes {}

#[module]
fn hello(#[cfg(test)] context: bedplate::ModuleContext) -> Routes {
    Routes
}

fn main() {}
