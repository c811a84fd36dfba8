use bedplate::{service};

#[service]
pub struct Profiles;

fn main() {}
