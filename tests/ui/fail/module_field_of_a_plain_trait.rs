use bedplate::{Module, ServiceRef, module};

trait Profiles: Send + Sync {}

#[module]
struct Comments {
    profiles: ServiceRef<dyn Profiles>,
}

impl Module for Comments {}

fn main() {}
