use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    type Id;

    async fn get(&self) -> Result<u8, CallError>;
}

fn main() {}
