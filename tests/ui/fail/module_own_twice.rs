use bedplate::{Module, module};

#[module]
struct Comments {
    #[own]
    #[own(1)]
    count: u8,
}

impl Module for Comments {}

fn main() {}
