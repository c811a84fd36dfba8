//! A base at work, and its end.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use serde_json::json;

use crate::client::{self, Connection};
use crate::process::Place;

#[test]
fn a_comment_is_written_and_read_back_over_five_modules_and_a_restart() {
    let place = Place::new("comment");
    let mut running = place.start(&["run"]);
    let user = json!({"user": {"username": "ada", "email": "ada@example.org", "password": "analytical"}});
    let registered = client::request(place.http, "POST", "/api/users", None, Some(&user));
    assert_eq!(registered.status, 201, "{registered:?}");
    let token = registered.json()["user"]["token"].as_str().unwrap().to_owned();
    let article = json!({"article": {"title": "On engines", "description": "d", "body": "b", "tagList": ["engines"]}});
    let created = client::request(place.http, "POST", "/api/articles", Some(&token), Some(&article));
    assert_eq!(created.status, 201, "{created:?}");
    let slug = created.json()["article"]["slug"].as_str().unwrap().to_owned();
    let comments = format!("/api/articles/{slug}/comments");
    let comment = json!({"comment": {"body": "It weaves algebraic patterns."}});
    let written = client::request(place.http, "POST", &comments, Some(&token), Some(&comment));
    assert_eq!(written.status, 201, "{written:?}");
    let favorited = client::request(place.http, "POST", &format!("/api/articles/{slug}/favorite"), Some(&token), None);
    assert_eq!(favorited.json()["article"]["favoritesCount"], 1, "{favorited:?}");
    running.signal("TERM");
    assert!(running.ended().success(), "{}", running.log());

    // What was written is there for the next process.
    let mut running = place.start(&["run"]);
    let read = client::request(place.http, "GET", &comments, None, None).json();
    assert_eq!(read["comments"][0]["body"], "It weaves algebraic patterns.");
    assert_eq!(read["comments"][0]["author"]["username"], "ada");
    running.signal("INT");
    assert!(running.ended().success(), "{}", running.log());
}

#[test]
fn health_and_numbers_are_shown_per_module() {
    let place = Place::new("health");
    let running = place.start(&["run"]);
    // What the base is composed of stands in its log.
    let log = running.log();
    assert!(log.contains("module comments 0.1.0: enabled") && log.contains("starter http 0.1.0: enabled"), "{log}");
    assert_eq!(client::request(place.http, "GET", "/api/tags", None, None).status, 200);
    assert_eq!(client::get(place.admin, "/healthz").unwrap().status, 200);
    let ready = client::get(place.admin, "/readyz").unwrap().json();
    assert_eq!(ready["modules"].as_array().unwrap().len(), 5, "{ready}");
    assert_eq!(client::get(place.admin, "/readyz/comments").unwrap().status, 200);
    assert_eq!(client::get(place.admin, "/readyz/coments").unwrap().status, 404);
    let metrics = client::get(place.admin, "/metrics").unwrap().body;
    let line =
        metrics.lines().find(|line| line.contains("requests") && line.contains("module=\"articles\"")).unwrap_or("");
    assert!(line.ends_with(" 1"), "{metrics}");
    assert!(line.contains("scene=\"main\""), "{line}");
}

#[test]
fn a_base_that_is_asked_to_end_under_load_ends_every_accepted_request() {
    let place = Place::new("end-under-load");
    let mut running = place.start(&["run"]);
    let (answered, asked) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let clients: Vec<_> = (0..8).map(|_| scope.spawn(|| keep_asking(&place, &answered, &asked))).collect();
        while answered.load(Ordering::Relaxed) < 200 {
            thread::yield_now();
        }
        asked.store(true, Ordering::SeqCst);
        running.signal("TERM");
        for client in clients {
            client.join().unwrap();
        }
    });
    let status = running.ended();
    let log = running.log();
    assert!(status.success(), "{status}: {log}");
    // Who requires another ends first.
    let position = |what: &str| log.find(what).unwrap_or_else(|| panic!("no {what:?} in {log}"));
    assert!(position("articles@main#1 is stopped") < position("identity@main#1 is stopped"));
    assert!(position("identity@main#1 is stopped") < position("the base has stopped"));
}

/// Asks on connections that are kept open, until the base takes no more.
fn keep_asking(place: &Place, answered: &AtomicUsize, asked: &AtomicBool) {
    while let Some(mut connection) = Connection::open(place.http) {
        let mut is_accepted = false;
        loop {
            match client::send(&mut connection, "GET", "/api/tags", None, None) {
                Some(answer) => {
                    assert_eq!(answer.status, 200, "{answer:?}");
                    answered.fetch_add(1, Ordering::Relaxed);
                    is_accepted = true;
                    if answer.closes() {
                        break;
                    }
                }
                // A connection that was in the listener's queue when it closed was never accepted.
                None => {
                    assert!(!is_accepted, "a connection that was served was closed before it was told");
                    assert!(asked.load(Ordering::SeqCst), "closed without having been asked to");
                    break;
                }
            }
        }
    }
}

#[test]
fn it_is_not_ready_for_the_grace_before_it_ends_and_a_second_signal_forces_it() {
    let place = Place::new("grace");
    let mut running = place.start(&["run", "--set", "drain.grace=1h"]);
    running.signal("TERM");
    loop {
        let answer = client::get(place.admin, "/readyz").unwrap();
        if answer.status == 503 {
            assert_eq!(answer.json()["phase"], "draining", "{answer:?}");
            break;
        }
    }
    // It still serves: balancers have not noticed yet.
    assert_eq!(client::request(place.http, "GET", "/api/tags", None, None).status, 200);
    assert_eq!(client::get(place.admin, "/healthz").unwrap().status, 200);
    running.signal("TERM");
    assert_eq!(running.ended().code(), Some(2), "{}", running.log());
}
