use bedplate::module;

#[module]
struct Comments;

fn main() {}
