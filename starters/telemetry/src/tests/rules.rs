//! How the filter and the levels decide together.

use bedplate::{InstanceId, SceneName};
use tracing::Level as Severity;
use tracing::level_filters::LevelFilter;

use super::name;
use crate::Level;
use crate::rules::{BaseLevels, Rules, parse_filter};

fn instance(module: &str) -> InstanceId {
    InstanceId { module: name(module), scene: SceneName::main(), generation: 1 }
}

fn rules(filter: &str, bases: &[BaseLevels]) -> Rules {
    Rules::compile(parse_filter(filter).unwrap(), bases.iter())
}

fn levels(module: &str, crate_name: &str, level: Level) -> BaseLevels {
    let mut levels = BaseLevels::default();
    levels.configured.insert(instance(module), level);
    levels.serving.push((instance(module), crate_name.to_owned()));
    levels
}

#[test]
fn the_crate_of_a_module_follows_its_level_where_nobody_is_at_work() {
    let rules = rules("info", &[levels("red-packet", "red_packet", Level::Debug)]);
    assert!(rules.lets_through(Severity::DEBUG, "red_packet"));
    assert!(rules.lets_through(Severity::DEBUG, "red_packet::store"));
    assert!(!rules.lets_through(Severity::TRACE, "red_packet::store"));
    assert!(!rules.lets_through(Severity::DEBUG, "red_packets"));
    assert!(!rules.lets_through(Severity::DEBUG, "sqlx::query"));
}

#[test]
fn tracing_remembers_what_no_level_can_change() {
    let none = rules("info,sqlx=off", &[]);
    assert!(none.interest(Severity::INFO, "a").is_always());
    assert!(none.interest(Severity::DEBUG, "a").is_never());
    assert_eq!(none.max_level(), LevelFilter::INFO);

    let one = rules("info,sqlx=off", &[levels("loud", "loud", Level::Debug)]);
    assert!(one.interest(Severity::INFO, "a").is_always());
    assert!(one.interest(Severity::DEBUG, "a").is_sometimes());
    assert!(one.interest(Severity::INFO, "sqlx").is_sometimes());
    assert!(one.interest(Severity::TRACE, "a").is_never());
    assert_eq!(one.max_level(), LevelFilter::DEBUG);
}

#[test]
fn of_two_bases_the_more_verbose_one_goes() {
    let both = [levels("same", "same", Level::Debug), levels("same", "same", Level::Error)];
    assert!(rules("info", &both).lets_through(Severity::DEBUG, "same"));
}

#[test]
fn what_is_set_at_run_time_goes_over_the_settings() {
    let mut base = levels("m", "m", Level::Trace);
    base.overriding.insert(name("m"), Level::Error);
    let rules = rules("info", &[base]);
    assert!(!rules.lets_through(Severity::WARN, "m::inner"));
    assert!(rules.lets_through(Severity::ERROR, "m::inner"));
}
