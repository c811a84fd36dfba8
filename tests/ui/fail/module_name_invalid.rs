use bedplate::{Module, module};

#[module(name = "Red Packet!")]
struct Comments;

impl Module for Comments {}

fn main() {}
