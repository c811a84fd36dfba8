use bedplate::{Module, module};

#[module]
struct Comments {
    #[onw]
    recent: Vec<String>,
}

impl Module for Comments {}

fn main() {}
