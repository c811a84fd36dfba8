use bedplate::{Module, module};

#[module(nmae = "comments", singleton)]
struct Comments;

impl Module for Comments {}

fn main() {}
