use bedplate::testing::TestBase;

#[bedplate::test]
async fn counts(base: TestBase, more: u8) {
    let _ = (base, more);
}

fn main() {}
