use bedplate::{Export, ModuleContext, module};

struct Routes;

impl Export for Routes {}

#[module]
fn hello(_: ModuleContext) -> Routes {
    Routes
}

fn main() {}
