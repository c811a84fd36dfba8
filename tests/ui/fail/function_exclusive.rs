use bedplate::{Export, module};

struct Greeting;
impl Export for Greeting {}

#[module(exclusive)]
fn hello() -> Greeting {
    Greeting
}

fn main() {}
