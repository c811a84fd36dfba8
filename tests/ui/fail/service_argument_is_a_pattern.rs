use bedplate::{CallError, service};

#[service]
pub trait Profiles {
    async fn get(&self, (one, two): (u8, u8)) -> Result<u8, CallError> {
        Ok(one + two)
    }
}

fn main() {}
