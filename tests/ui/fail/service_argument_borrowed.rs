use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    async fn get(&self, name: &str, tags: Option<&[u8]>) -> Result<u8, CallError>;
}

fn main() {}
