use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    async fn get(&self, names: impl Iterator<Item = String>) -> Result<u8, CallError>;
}

fn main() {}
