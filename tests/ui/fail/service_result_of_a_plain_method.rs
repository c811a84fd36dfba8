use bedplate::{service};

#[service]
pub trait Profiles {
    fn count(&self) -> usize;
}

fn main() {}
