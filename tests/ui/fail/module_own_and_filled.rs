use bedplate::{Module, module};

#[module]
struct Comments {
    #[own]
    #[from("profiles")]
    count: u8,
}

impl Module for Comments {}

fn main() {}
