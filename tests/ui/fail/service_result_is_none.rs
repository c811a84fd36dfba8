use bedplate::{service};

#[service]
pub trait Profiles {
    async fn find(&self, id: u64) -> Option<String>;
}

fn main() {}
