use bedplate::{starter};

#[starter(name = "http")]
fn http() {}

fn other() {}

fn main() {}
