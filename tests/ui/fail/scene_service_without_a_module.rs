use bedplate::{CallError, scene_service, service};

#[service]
pub trait Count {
    async fn count(&self) -> Result<u64, CallError>;
}

struct Comments;

#[scene_service]
impl Count for Comments {
    async fn count(&self) -> Result<u64, CallError> {
        Ok(1)
    }
}

fn main() {}
