use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    async fn get<'a>(&'a self) -> Result<u8, CallError>;
}

fn main() {}
