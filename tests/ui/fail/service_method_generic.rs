use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    async fn get<T>(&self, what: T) -> Result<u8, CallError>;
}

fn main() {}
