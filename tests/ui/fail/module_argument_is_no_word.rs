use bedplate::{Module, module};

#[module("comments")]
struct Comments;

impl Module for Comments {}

fn main() {}
