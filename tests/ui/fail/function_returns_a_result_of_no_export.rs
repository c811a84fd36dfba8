use bedplate::{Export, module};

struct Routes;

impl Export for Routes {}

#[module]
fn hello() -> bedplate::Result<u8> {
    Ok(1)
}

fn main() {}
