use bedplate::testing::TestBase;

#[bedplate::test(module(Comments))]
async fn counts(base: TestBase) {
    let _ = base;
}

fn main() {}
