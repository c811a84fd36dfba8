use bedplate::{scene_service};

#[scene_service]
struct Comments;

fn main() {}
