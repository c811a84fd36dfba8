//! Databases that end with the base: `sqlite::memory:`.

use std::path::PathBuf;
use std::sync::mpsc::channel;
use std::time::Duration;

use bedplate::testing::{TestBase, run};
use bedplate_starter_sql::SqlStarter;

use crate::notes::{NOTES, count, notes, shown, write};

#[test]
fn connections_see_one_database_and_bases_do_not_see_each_others() {
    for _ in 0..2 {
        let (out, databases) = channel();
        let base = TestBase::builder().starter::<SqlStarter>().with(notes("notes", &[NOTES], &out));
        let file = run(base, |base| async move {
            let running = base.running().await.unwrap();
            let db = databases.recv().unwrap();
            let mut held = db.acquire().await.unwrap();
            write(&db).await;
            let seen: i64 = sqlx::query_scalar("SELECT count(*) FROM notes").fetch_one(&mut *held).await.unwrap();
            assert_eq!((seen, count(&db).await), (1, 1));
            let location = shown(&running, "notes").unwrap()["location"].as_str().unwrap().to_owned();
            assert!(location.ends_with("(sqlite::memory:)"), "{location}");
            PathBuf::from(location.trim_end_matches(" (sqlite::memory:)"))
        });
        assert!(!file.exists() && !file.parent().unwrap().exists(), "nothing is left behind");
    }
}

#[test]
fn a_reader_is_not_kept_waiting_by_a_transaction() {
    let (out, databases) = channel();
    let base = TestBase::builder().starter::<SqlStarter>().with(notes("notes", &[NOTES], &out));
    run(base, |base| async move {
        base.running().await.unwrap();
        let db = databases.recv().unwrap();
        let mut writing = db.begin().await.unwrap();
        sqlx::query("INSERT INTO notes (text) VALUES ('a')").execute(&mut *writing).await.unwrap();
        assert_eq!(count(&db).await, 0, "as a file in production would answer");
        writing.commit().await.unwrap();
        assert_eq!(count(&db).await, 1);
    });
}

#[test]
fn a_paused_clock_does_not_fire_the_timeouts_of_a_pool() {
    let (out, databases) = channel();
    let base = TestBase::builder().starter::<SqlStarter>().paused_time().with(notes("notes", &[NOTES], &out));
    run(base, |base| async move {
        base.running().await.unwrap();
        let db = databases.recv().unwrap();
        let began = tokio::time::Instant::now();
        // SQLite's thread is at work while tokio's tasks all wait.
        let slow = "WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 300000) \
                    SELECT count(*) FROM number";
        let counted: i64 = sqlx::query_scalar(slow).fetch_one(&*db).await.unwrap();
        assert_eq!(counted, 300_000);
        assert_eq!(began.elapsed(), Duration::ZERO);
        base.advance(Duration::from_secs(3600)).await;
        write(&db).await;
        assert_eq!(began.elapsed(), Duration::from_secs(3600));
    });
}
