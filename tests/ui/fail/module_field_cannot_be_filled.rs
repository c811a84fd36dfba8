use bedplate::{Module, module};

#[module]
struct Comments {
    recent: Vec<u8>,
}

impl Module for Comments {}

fn main() {}
