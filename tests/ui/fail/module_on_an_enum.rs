use bedplate::{Module, module};

#[module]
enum Comments {
    One,
}

impl Module for Comments {}

fn main() {}
