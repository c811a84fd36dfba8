//! The rhythm, at moments that the tests choose.

use super::*;

fn at(wall: &str) -> Now {
    Now { instant: Instant::now(), wall: wall.parse().unwrap() }
}

fn on(wall: &str) -> Option<Due> {
    Some(Due::On(wall.parse().unwrap()))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_cron_expression_is_read_in_utc() {
    let nightly = Schedule::cron("0 3 * * *").unwrap();
    assert_eq!(nightly.first(at("2026-03-01T02:59:59Z")), on("2026-03-01T03:00:00Z"));
    assert_eq!(nightly.first(at("2026-03-01T03:00:00Z")), on("2026-03-02T03:00:00Z"));
    assert_eq!(nightly.first(at("2026-03-01T04:30:00+02:00")), on("2026-03-01T03:00:00Z"));
    let weekly = Schedule::cron("30 12 * * MON").unwrap();
    assert_eq!(weekly.first(at("2026-03-01T00:00:00Z")), on("2026-03-02T12:30:00Z"));
    let with_seconds = Schedule::cron("*/15 * * * * *").unwrap();
    assert_eq!(with_seconds.first(at("2026-03-01T00:00:16Z")), on("2026-03-01T00:00:30Z"));
}

#[test]
fn what_is_no_schedule_says_why() {
    let error = Schedule::cron("61 * * * *").unwrap_err();
    assert!(error.contains("\"61 * * * *\"") && error.contains("minute hour day month weekday"), "{error}");
    let error = Schedule::cron("0 0 30 2 *").unwrap_err();
    assert!(error.contains("no day that ever comes"), "{error}");
    let error = Schedule::every(Duration::ZERO).unwrap_err();
    assert!(error.contains("an interval of 0ns: the shortest is 1ms"), "{error}");
}

#[test]
fn an_interval_keeps_its_rhythm() {
    let (schedule, start) = (Schedule::Every(seconds(10)), Instant::now());
    let after = |passed: f64, missed| {
        let now = Now { instant: start + Duration::from_secs_f64(passed), wall: Timestamp::UNIX_EPOCH };
        let next = schedule.after(Due::At(start), now, missed);
        let Some(Due::At(due)) = next.due else { panic!("an interval goes on for ever") };
        ((due - start).as_secs(), next.dropped)
    };
    for missed in [Missed::Skip, Missed::RunOnce] {
        assert_eq!(after(0.0, missed), (10, 0));
        assert_eq!(after(9.9, missed), (10, 0), "the time that the run took does not shift it");
        assert_eq!(after(10.0, missed), (10, 0), "a tick at this very moment is on time");
    }
    assert_eq!(after(10.1, Missed::Skip), (20, 1));
    assert_eq!(after(35.0, Missed::Skip), (40, 3));
    assert_eq!(after(10.1, Missed::RunOnce), (10, 0), "at once, for the tick that passed");
    assert_eq!(after(35.0, Missed::RunOnce), (30, 2), "at once, for all three");
}

#[test]
fn missed_occurrences_of_a_cron_expression_go_by_the_policy() {
    let hourly = Schedule::cron("0 * * * *").unwrap();
    let due = Due::On("2026-03-01T01:00:00Z".parse().unwrap());
    let after = |now: &str, missed| {
        let next = hourly.after(due, at(now), missed);
        (next.due, next.dropped)
    };
    assert_eq!(after("2026-03-01T01:10:00Z", Missed::Skip), (on("2026-03-01T02:00:00Z"), 0));
    assert_eq!(after("2026-03-01T04:10:00Z", Missed::Skip), (on("2026-03-01T05:00:00Z"), 3));
    assert_eq!(after("2026-03-01T04:00:00Z", Missed::Skip), (on("2026-03-01T04:00:00Z"), 2));
    assert_eq!(after("2026-03-01T04:10:00Z", Missed::RunOnce), (on("2026-03-01T04:10:00Z"), 2));
}

#[test]
fn a_clock_that_was_set_back_repeats_no_tick() {
    let hourly = Schedule::cron("0 * * * *").unwrap();
    let due = Due::On("2026-03-01T05:00:00Z".parse().unwrap());
    let next = hourly.after(due, at("2026-03-01T03:10:00Z"), Missed::Skip);
    assert_eq!(next, Next { due: on("2026-03-01T06:00:00Z"), dropped: 0 });
}

#[test]
fn an_expression_with_years_comes_to_its_end() {
    let once = Schedule::Cron(String::new(), Box::new(Cron::from_str("0 0 0 1 1 * 2030").unwrap()));
    let due = Due::On("2030-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(once.first(at("2026-03-01T00:00:00Z")), Some(due));
    assert_eq!(once.after(due, at("2030-01-01T00:00:01Z"), Missed::Skip), Next { due: None, dropped: 0 });
}
