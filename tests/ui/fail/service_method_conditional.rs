use bedplate::{service};

#[service]
pub trait Profiles {
    #[cfg(test)]
    async fn get(&self) -> bedplate::Result<u8>;
}

fn main() {}
