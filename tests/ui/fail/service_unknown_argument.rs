use bedplate::{CallError, service};

#[service(mnay)]
pub trait Profiles {
    async fn get(&self) -> Result<u8, CallError>;
}

fn main() {}
