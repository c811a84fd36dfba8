use bedplate::{Module, module};

#[module(exclusive = true)]
struct Printer;

impl Module for Printer {}

fn main() {}
