use bedplate::{Module, module};

struct Recent(u8);

#[module]
struct Comments {
    #[own]
    recent: Recent,
}

impl Module for Comments {}

fn main() {}
