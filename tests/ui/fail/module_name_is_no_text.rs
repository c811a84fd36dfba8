use bedplate::{Module, module};

#[module(name = comments)]
struct Comments;

impl Module for Comments {}

fn main() {}
