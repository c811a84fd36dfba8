use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    async fn get(what: u8) -> Result<u8, CallError>;
}

fn main() {}
