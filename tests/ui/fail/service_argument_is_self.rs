use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    async fn same(&self, other: Box<Self>) -> Result<bool, CallError>;
}

fn main() {}
