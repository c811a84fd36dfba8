use bedplate::testing::TestBase;

#[bedplate::test]
async fn counts<T>(base: TestBase) {
    let _ = base;
}

fn main() {}
