#[bedplate::test]
async fn counts(&self) {}

fn main() {}
