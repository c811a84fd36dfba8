use bedplate::{Module, module};

#[module]
struct Comments {
    #[own(3)]
    recent: String,
}

impl Module for Comments {}

fn main() {}
