use bedplate::{CallError, Module, module, scene_service, service};

#[service]
pub trait Count {
    async fn count(&self) -> Result<u64, CallError>;
}

#[module]
struct Comments;

impl Module for Comments {}

#[scene_service(scene("retail"))]
impl Count for Comments {
    async fn count(&self) -> Result<u64, CallError> {
        Ok(1)
    }
}

fn main() {}
