use bedplate::{Handle, Module, module};

#[derive(Clone)]
struct Pool;

impl Handle for Pool {
    type Options = u32;
}

#[module]
struct Comments {
    #[with("migrations")]
    pool: Pool,
}

impl Module for Comments {}

fn main() {}
