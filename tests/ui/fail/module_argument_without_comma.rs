use bedplate::{Module, module};

#[module(name = "comments" optional)]
struct Comments;

impl Module for Comments {}

fn main() {}
