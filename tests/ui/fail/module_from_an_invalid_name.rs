use bedplate::{Module, ServiceRef, module};

#[bedplate::service]
trait Profiles {}

#[module]
struct Comments {
    #[from("The Profiles")]
    profiles: ServiceRef<dyn Profiles>,
}

impl Module for Comments {}

fn main() {}
