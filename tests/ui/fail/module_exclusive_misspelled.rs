use bedplate::{Module, module};

#[module(exlusive)]
struct Printer;

impl Module for Printer {}

fn main() {}
