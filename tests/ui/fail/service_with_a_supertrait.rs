use bedplate::{CallError, service};

pub trait Other {}

#[service]
pub trait Profiles: Other + Send {
    async fn get(&self) -> Result<u8, CallError>;
}

fn main() {}
