use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    async unsafe fn get(&self) -> Result<u8, CallError>;
}

fn main() {}
