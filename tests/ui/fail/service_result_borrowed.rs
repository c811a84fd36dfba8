use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    async fn name(&self) -> Result<&str, CallError>;
}

fn main() {}
