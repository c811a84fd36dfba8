//! Everything that is wrong is reported at once, with its place and what to do.

use std::time::Duration;

use serde::Deserialize;

use super::*;
use crate::settings::ByteSize;

#[derive(Debug, Settings)]
#[allow(dead_code, reason = "only the reading matters")]
struct Server {
    /// Where it listens.
    port: u16,
    #[setting(default = 10, range = 1..=100)]
    workers: u32,
    #[setting(default = "30s", range = Duration::from_secs(1)..Duration::from_secs(3600))]
    timeout: Duration,
    #[setting(default = "1MB")]
    body: ByteSize,
    #[setting(default = false)]
    compress: bool,
    #[setting(default = "info", allowed("info", "debug"))]
    level: String,
    #[setting(range = 0.0..=1.0)]
    share: Option<f64>,
    #[setting(nested)]
    tls: Tls,
    #[setting(nested)]
    proxy: Option<Tls>,
}

#[derive(Debug, Settings)]
#[allow(dead_code, reason = "only the reading matters")]
struct Tls {
    #[setting(default)]
    certificate: String,
    protocol: Option<Protocol>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Protocol {
    Http1,
    Http2,
}

fn problem(toml: &str) -> SettingProblem {
    only(problems::<Server>(&tree(toml), "http"))
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = "[http]\nworkers = 0\ntimeout = 30\nbody = 'much'\ncompress = 'yes'\nlevel = 'inof'\nshare = 2.0\n\
                tls.protocol = 'http3'\ntsl.certificate = 'x'\n";
    let tree = tree(text);
    let mut found = problems::<Server>(&tree, "http");
    found.extend(tree.unknown(&known::<Server>("http")));
    SettingProblem::arrange(&mut found);
    let summary: Vec<_> = found.iter().map(|problem| (problem.code, problem.key.to_string(), place(problem))).collect();
    let expected = [
        ("setting-missing", "http.port", ""),
        ("setting-range", "http.workers", "bedplate.toml:2:11"),
        ("setting-type", "http.timeout", "bedplate.toml:3:11"),
        ("setting-type", "http.body", "bedplate.toml:4:8"),
        ("setting-type", "http.compress", "bedplate.toml:5:12"),
        ("setting-allowed", "http.level", "bedplate.toml:6:9"),
        ("setting-range", "http.share", "bedplate.toml:7:9"),
        ("setting-type", "http.tls.protocol", "bedplate.toml:8:16"),
        ("setting-unknown", "http.tsl", "bedplate.toml:9:1"),
    ];
    let expected: Vec<_> = expected.map(|(code, key, place)| (code, key.to_owned(), place.to_owned())).into();
    assert_eq!(summary, expected);
    assert!(found.iter().all(|problem| !problem.help.is_empty()));
}

#[test]
fn an_unknown_key_says_where_it_stands_and_what_was_meant() {
    let tree = tree("[http]\nport = 1\n  wrokers = 3\n");
    let problem = only(tree.unknown(&known::<Server>("http")));
    assert_eq!(problem.what, "unknown setting `http.wrokers`");
    assert_eq!(place(&problem), "bedplate.toml:3:3");
    assert!(problem.help.starts_with("did you mean `workers`? [http] takes: body, compress, "), "{problem}");
}

#[test]
fn an_unknown_section_is_reported_once_and_lists_the_known_ones() {
    let sections = known::<Server>("modules.comments")
        .section(path("modules.articles"), Tls::schema())
        .section(path("modules.articles.limits"), Tls::schema())
        .section(path("scenes.*.modules.comments"), Server::schema());
    let text = "[modules.coments]\nport = 1\nlevel = 'x'\n[modules.articles.limits]\n[modules.articles]\nlimit = 1\n\
                [scenes.retail.modules.comments]\nport = 1\nprot = 2\n[scene.retail]\n";
    let found = tree(text).unknown(&sections);
    let texts: Vec<_> = found.iter().map(|problem| problem.what.as_str()).collect();
    assert_eq!(
        texts,
        [
            "unknown section `modules.coments`",
            "unknown setting `modules.articles.limit`",
            "unknown setting `scenes.retail.modules.comments.prot`",
            "unknown section `scene`",
        ]
    );
    assert_eq!(found[0].help, "did you mean `comments`? [modules] takes: articles, comments");
    assert_eq!(place(&found[0]), "bedplate.toml:1:10");
    assert!(found[1].help.contains("did you mean `limits`?"), "{}", found[1]);
    assert_eq!(found[3].help, "did you mean `scenes`? the top level takes: modules, scenes");
}

#[test]
fn an_unknown_variable_and_argument_are_reported_by_name() {
    let tree = loaded(Sources::new().environment(environment(&[("BEDPLATE__HTTP__PROT", "1")])).set("http.wrokers=2"));
    let found = tree.unknown(&known::<Server>("http"));
    let places: Vec<_> = found.iter().map(place).collect();
    assert_eq!(places, ["environment variable BEDPLATE__HTTP__PROT", "--set http.wrokers=…"]);
}

#[test]
fn a_missing_value_says_where_it_may_be_set() {
    let problem = problem("");
    assert_eq!(problem.what, "`http.port` is missing: it has no default and must be a whole number from 0 to 65535");
    assert_eq!(
        problem.help,
        "set `port` in [http] of bedplate.toml, or the environment variable BEDPLATE__HTTP__PORT, \
         or --set 'http.port=…'"
    );
    let declared = problem.declared.unwrap();
    assert!(declared.file.ends_with("tests/problems.rs"), "{declared}");
    assert_eq!(declared.line, 14);
}

#[test]
fn a_wrong_type_says_what_it_is_and_what_it_must_be() {
    let found = problem("[http]\nport = '80'");
    assert_eq!(found.what, "`http.port` must be a whole number from 0 to 65535, but it is the text \"80\"");
    assert!(found.help.contains("without quotes"), "{found}");
    let found = problem("[http]\nport = 80000");
    assert!(found.what.contains("but it is the whole number 80000"), "{found}");
    let found = problem("[http]\nport = 80\nlevel = 5");
    assert_eq!(found.code, "setting-allowed");
    let found = problem("[http]\nport = 80\ntls.certificate = 5");
    assert_eq!(found.help, "put it in quotes");
    let found = problem("[http]\nport = 80\ntimeout = '30'");
    assert!(found.what.contains("a duration such as \"30s\""), "{found}");
    assert!(found.help.contains("\"500ms\""), "{found}");
    let found = problem("[http]\nport = [80]");
    assert!(found.what.contains("but it is a list"), "{found}");
    let found = problem("[http]\nport = 80\ntls.protocol = 'htp2'");
    assert_eq!(found.what, "`http.tls.protocol` does not take `htp2`");
    assert_eq!(found.help, "did you mean `http2`? It takes: http1, http2");
}

#[test]
fn the_place_of_a_wrong_value_is_that_of_the_layer_that_has_it() {
    let tree = loaded(
        Sources::new()
            .text("a.toml", "[http]\nport = 'x'\nworkers = 'x'")
            .text("b.toml", "[http]\nport = 80")
            .environment(environment(&[("BEDPLATE__HTTP__WORKERS", "many"), ("BEDPLATE__HTTP__BODY", "vast")]))
            .set("http.body=huge"),
    );
    let found = problems::<Server>(&tree, "http");
    let places: Vec<_> = found.iter().map(place).collect();
    assert_eq!(places, ["environment variable BEDPLATE__HTTP__WORKERS", "--set http.body=…"]);
    assert!(found[0].what.contains("the text \"many\""), "{}", found[0]);
}

#[test]
fn a_value_out_of_range_is_shown_with_the_range() {
    let found = problem("[http]\nport = 80\nworkers = 101");
    assert_eq!(found.what, "`http.workers` is out of range: 101 is not in 1..=100");
    let found = problem("[http]\nport = 80\ntimeout = '2h'");
    assert_eq!(
        found.what,
        "`http.timeout` is out of range: \"2h\" is not in Duration::from_secs(1)..Duration::from_secs(3600)"
    );
    let found = problem("[http]\nport = 80\nshare = -0.5");
    assert_eq!(found.what, "`http.share` is out of range: -0.5 is not in 0.0..=1.0");
}

#[test]
fn a_single_value_in_place_of_a_section_is_reported_once() {
    let tree = tree("modules = 3");
    let mut found = problems::<Server>(&tree, "modules.a");
    found.retain(|problem| problem.code != "setting-missing");
    found.extend(tree.unknown(&known::<Server>("modules.a")));
    SettingProblem::arrange(&mut found);
    let found = only(found);
    assert_eq!(found.what, "`modules` is a section of settings, but it is given a single value");
    let found = problem("[http]\nport = 1\nproxy = true");
    assert_eq!(found.key.to_string(), "http.proxy");
}

#[test]
fn an_optional_table_is_read_when_it_is_there() {
    let server: Server = read(&tree("[http]\nport = 1"), "http");
    assert!(server.proxy.is_none());
    let server: Server = read(&tree("[http]\nport = 1\n[http.proxy]"), "http");
    assert_eq!(server.proxy.unwrap().certificate, "");
}

#[test]
fn a_failed_check_is_reported_with_its_section() {
    #[derive(Debug, Settings)]
    #[setting(check = "Window::check")]
    struct Window {
        #[setting(default = 1)]
        low: u8,
        #[setting(default = 2)]
        high: u8,
    }
    impl Window {
        fn check(&self) -> Result<(), String> {
            (self.low <= self.high).then_some(()).ok_or_else(|| format!("low {} is above high {}", self.low, self.high))
        }
    }
    let found = only(problems::<Window>(&tree("[w]\nlow = 3"), "w"));
    assert_eq!((found.code, found.what.as_str()), ("setting-check", "`w`: low 3 is above high 2"));
    assert!(found.declared.is_some());
    read::<Window>(&tree(""), "w");
}

#[test]
fn a_problem_prints_what_where_and_what_to_do() {
    let text = problem("[http]\nport = 80\nworkers = 101").to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "`http.workers` is out of range: 101 is not in 1..=100");
    assert_eq!(lines[1], "  where: bedplate.toml:3:11");
    assert!(lines[2].starts_with("  declared: ") && lines[2].contains("problems.rs:"), "{text}");
    assert_eq!(lines[3], "  help: write a value in the range 1..=100");
}
