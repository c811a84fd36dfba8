//! A module declared with `#[module]`, its migrations handed over by `#[with(…)]`.

use bedplate::testing::{TestBase, run};
use bedplate_starter_sql::SqlStarter;

use crate::Declared;

#[test]
fn a_field_with_migrations_is_a_migrated_pool() {
    let base = TestBase::builder().starter::<SqlStarter>().module::<Declared>();
    run(base, |base| async move {
        base.running().await.unwrap();
        let swapped = base.swap::<Declared>().await.unwrap();
        assert_eq!(swapped.came.len(), 1);
    });
}
