use bedplate::{service};

#[service]
pub trait Profiles {
    async fn touch(&self, id: u64);
}

fn main() {}
