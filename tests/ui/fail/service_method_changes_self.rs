use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    async fn get(&mut self) -> Result<u8, CallError>;
}

fn main() {}
