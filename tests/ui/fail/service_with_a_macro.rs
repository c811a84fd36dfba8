use bedplate::{service};

macro_rules! methods {
    () => {
        fn get(&self) -> bedplate::Result<u8>;
    };
}

#[service]
pub trait Profiles {
    methods!();
}

fn main() {}
