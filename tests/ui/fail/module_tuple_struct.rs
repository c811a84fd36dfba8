use bedplate::{Module, ModuleContext, module};

#[module]
struct Comments(ModuleContext);

impl Module for Comments {}

fn main() {}
