use bedplate::{CallError, Module, module, scene_service, service};

#[service]
pub trait Count {
    async fn count(&self) -> Result<u64, CallError>;
}

#[module]
struct Comments;

impl Module for Comments {}

async fn wait() {}

#[scene_service]
impl Count for Comments {
    async fn count(&self) -> Result<u64, CallError> {
        let count = std::rc::Rc::new(1);
        wait().await;
        Ok(*count)
    }
}

fn main() {}
