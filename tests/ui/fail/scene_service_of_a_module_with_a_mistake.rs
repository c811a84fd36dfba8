use bedplate::{CallError, Module, module, scene_service, service};

#[service]
pub trait Count {
    async fn count(&self) -> Result<u64, CallError>;
}

#[module]
struct Comments {
    #[onw]
    count: u8,
}

impl Module for Comments {}

#[scene_service]
impl Count for Comments {
    async fn count(&self) -> Result<u64, CallError> {
        Ok(1)
    }
}

fn main() {}
