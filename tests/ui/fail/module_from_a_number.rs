use bedplate::{Module, ServiceRef, module};

#[bedplate::service]
trait Profiles {}

#[module]
struct Comments {
    #[from(3)]
    profiles: ServiceRef<dyn Profiles>,
}

impl Module for Comments {}

fn main() {}
