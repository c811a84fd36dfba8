use bedplate::{Module, module};

#[module(name = "comments", name = "remarks")]
struct Comments;

impl Module for Comments {}

fn main() {}
