use bedplate::{Module, ModuleContext, module};

#[module]
struct Comments {
    #[from("profiles")]
    context: ModuleContext,
}

impl Module for Comments {}

fn main() {}
