use bedplate::{Export, module};

struct Routes;

impl Export for Routes {}

#[module]
async fn hello() -> Routes {
    Routes
}

fn main() {}
