use bedplate::{CallError, Module, module, scene_service};

#[module]
struct Comments;

impl Module for Comments {}

#[scene_service]
impl Comments {
    async fn count(&self) -> Result<u64, CallError> {
        Ok(1)
    }
}

fn main() {}
