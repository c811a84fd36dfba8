use bedplate::{CallError, service};

#[service]
pub trait Profiles<T> {
    async fn get(&self) -> Result<T, CallError>;
}

fn main() {}
