use bedplate::{CallError, service};

struct Fake;

#[service]
impl Fake {
    async fn get(&self) -> Result<u8, CallError> {
        Ok(1)
    }
}

fn main() {}
