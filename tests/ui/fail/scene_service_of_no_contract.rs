use bedplate::{Module, module, scene_service};

pub trait Count {
    fn count(&self) -> u64;
}

#[module]
struct Comments;

impl Module for Comments {}

#[scene_service]
impl Count for Comments {
    fn count(&self) -> u64 {
        1
    }
}

fn main() {}
