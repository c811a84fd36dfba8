use bedplate::starter;

#[starter(name = "http")]
struct Http;

fn main() {}
