use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    async fn get(&self, id: u64) -> Result<String, CallError>;
}

struct Fake;

#[service(many)]
impl Profiles for Fake {
    async fn get(&self, id: u64) -> Result<String, CallError> {
        Ok(id.to_string())
    }
}

fn main() {}
