use bedplate::{CallError, Module, module, scene_service, service};

#[service]
pub trait Count {
    async fn count(&self) -> Result<u64, CallError>;
}

#[module]
struct Comments;

impl Module for Comments {}

struct Other<T>(T);

#[scene_service]
impl<T: Send + Sync + 'static> Count for Other<T> {
    async fn count(&self) -> Result<u64, CallError> {
        Ok(1)
    }
}

fn main() {}
