use bedplate::testing::TestBase;

#[bedplate::test]
fn counts(base: TestBase) {
    let _ = base;
}

fn main() {}
