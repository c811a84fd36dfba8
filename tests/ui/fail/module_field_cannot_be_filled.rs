use bedplate::{Module, module};

#[module]
struct Comments {
    recent: Vec<String>,
}

impl Module for Comments {}

fn main() {}
