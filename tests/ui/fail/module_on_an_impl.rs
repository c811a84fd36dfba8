use bedplate::{Module, module};

struct Comments;

#[module]
impl Module for Comments {}

fn main() {}
