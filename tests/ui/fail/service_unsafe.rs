use bedplate::{CallError, service};

#[service]
pub unsafe trait Profiles {
    async fn get(&self) -> Result<u8, CallError>;
}

fn main() {}
