use bedplate::{Module, ModuleContext, module};

#[module]
struct Comments {
    #[with("migrations")]
    context: ModuleContext,
}

impl Module for Comments {}

fn main() {}
