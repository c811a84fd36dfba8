use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    const LIMIT: usize;

    async fn get(&self) -> Result<u8, CallError>;
}

fn main() {}
