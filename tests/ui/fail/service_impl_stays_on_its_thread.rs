use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    async fn get(&self, id: u64) -> Result<String, CallError>;
}

struct Fake;

async fn wait() {}

#[service]
impl Profiles for Fake {
    async fn get(&self, id: u64) -> Result<String, CallError> {
        let name = std::rc::Rc::new(id.to_string());
        wait().await;
        Ok(name.to_string())
    }
}

fn main() {}
