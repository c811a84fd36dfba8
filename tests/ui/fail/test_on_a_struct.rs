#[bedplate::test]
struct Counts;

fn main() {}
