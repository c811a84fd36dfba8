use bedplate::{Export, ModuleContext, module};

struct Routes;

impl Export for Routes {}

#[module]
fn hello(context: &ModuleContext) -> Routes {
    let _ = context;
    Routes
}

fn main() {}
