use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    async fn get(&self, name: std::borrow::Cow<'_, str>) -> Result<u8, CallError>;
}

fn main() {}
