use bedplate::{Module, module};

#[module]
struct Comments;

#[module]
struct Remarks;

impl Module for Remarks {}

impl Module for Comments {}

fn main() {}
