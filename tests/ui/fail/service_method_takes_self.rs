use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    async fn get(self: std::sync::Arc<Self>) -> Result<u8, CallError>;
}

fn main() {}
