use bedplate::{Module, module};

#[module]
struct Comments<'a> {
    #[own]
    greeting: &'a str,
}

impl Module for Comments<'static> {}

fn main() {}
