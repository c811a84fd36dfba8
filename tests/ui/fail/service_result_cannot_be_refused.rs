use bedplate::{service};

#[derive(Debug)]
pub enum ProfileError {
    NotFound,
}

#[service]
pub trait Profiles {
    async fn get(&self, id: u64) -> Result<String, ProfileError>;
}

fn main() {}
