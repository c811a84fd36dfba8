#[path = "../files/inner.rs"]
mod inner;

fn main() {}
