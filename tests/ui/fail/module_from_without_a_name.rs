use bedplate::{Module, ModuleContext, module};

#[module]
struct Comments {
    #[from]
    context: ModuleContext,
}

impl Module for Comments {}

fn main() {}
