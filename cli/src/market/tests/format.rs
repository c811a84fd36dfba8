//! The file of a list: what is read, what is refused, and that what is written is read as it was.

use std::path::{Path, PathBuf};

use super::super::parse::{Root, is_commit, parse};
use super::super::{BUILT_IN, Made, Market, Source, render};
use super::{entries, failure, starter};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

#[test]
fn a_starter_is_read_with_all_that_is_said_of_it() {
    let more = "provides = [\"Audit\"]\nreads = [\"Trail\"]\nneeds = [\"sql\"]\nexcludes = [\"spy\"]\n\
                settings = [{ key = \"address\", kind = \"text\", default = '\"x\"', help = \"Where\" }]\n\
                module_settings = [{ key = \"level\", kind = \"text\", required = true }]\n\
                features = { tls = \"TLS\" }\nlinks = { documentation = \"https://docs.rs/audit\" }";
    let read = entries(&starter("audit", more)).unwrap().remove(0);
    assert_eq!((read.name.as_str(), read.package.as_str(), read.group.as_str()), ("audit", "starter-audit", "data"));
    assert_eq!((read.version.to_string(), read.bedplate.to_string()), ("^1.2".into(), "^0.1".into()));
    assert_eq!((&read.provides[..], &read.needs[..]), (&["Audit".to_owned()][..], &["sql".to_owned()][..]));
    assert_eq!((&read.reads[..], &read.excludes[..]), (&["Trail".to_owned()][..], &["spy".to_owned()][..]));
    assert_eq!(read.settings[0].default.as_deref(), Some("\"x\""));
    assert!(read.module_settings[0].required && !read.settings[0].required);
    assert_eq!(read.features["tls"], "TLS");
    assert_eq!(read.links["documentation"], "https://docs.rs/audit");
    assert_eq!(read.source, Source::Registry);
}

#[test]
fn where_code_comes_from_depends_on_where_the_list_does() {
    let path = starter("audit", "path = \"../audit\"");
    let from =
        |text: &str, root| parse(&format!("version = 1\n{text}"), "m", root).map(|mut list| list.remove(0).source);
    let folder = Root::Folder(Path::new("/work/lists"));
    assert_eq!(from(&path, folder).unwrap(), Source::Path { path: PathBuf::from("/work/audit") });
    let commit = Root::Commit { url: "https://example.org/x", rev: COMMIT };
    let outside = failure(from(&path, commit));
    assert!(outside.what.contains("`../audit` leads out of the repository"), "{outside}");
    let inside = from(&starter("audit", "path = \"audit\""), commit).unwrap();
    assert_eq!(inside, Source::Git { url: "https://example.org/x".to_owned(), rev: COMMIT.to_owned() });
    let own = from(&starter("http", "path = \"http\""), Root::Bedplate("starters")).unwrap();
    assert_eq!(own, Source::Bedplate { folder: PathBuf::from("starters/http") });
    assert!(!own.is_third_party() && inside.is_third_party());
    let git = starter("audit", &format!("git = \"https://example.org/a\"\nrev = \"{COMMIT}\""));
    assert!(matches!(from(&git, folder).unwrap(), Source::Git { url, .. } if url == "https://example.org/a"));
}

/// What is wrong, the line it is in, and a word of what to do.
#[test]
fn what_is_wrong_is_named_with_its_line() {
    let cases = [
        (starter("audit", "provide = []"), 9, "unknown key `provide`", "did you mean `provides`?"),
        (starter("audit", "settings = [{ key = \"a\", type = \"b\" }]"), 9, "unknown key `type`", "`kind`"),
        (starter("../audit", ""), 3, "`../audit` is no name", "starts with a letter"),
        (starter("audit", "needs = [\"a b\"]"), 9, "`a b` is no name", ""),
        (starter("audit", "version = \"1\""), 9, "duplicate key", ""),
        (starter("audit", "git = \"https://x.org/a\""), 9, "the commit is missing", "rev"),
        (starter("audit", "rev = \"main\""), 9, "no repository", "git"),
        (starter("audit", "git = \"https://x.org/a\"\nrev = \"main\""), 10, "`main` is no commit", "40"),
        (starter("audit", "git = \"ext::sh -c ls\"\nrev = \"main\""), 9, "no address of a repository", "https://"),
        (starter("audit", "links = { docs = \"javascript:x\" }"), 9, "is no link", "https://"),
        (starter("audit", "provides = [\"\\u001b[2J\"]"), 9, "not one line of plain text", "control"),
        (starter("audit", "path = \"a\"\ngit = \"https://x.org/a\""), 3, "from a folder and from a repository", ""),
        (starter("one", "") + &starter("one", ""), 11, "`one` is there twice, first in line 3", ""),
        ("[[starter]]\nname = \"audit\"".to_owned(), 2, "the key `crate` is missing", "crate = "),
        (starter("audit", "needs = \"sql\""), 9, "invalid type", ""),
        ("[[starter]\n".to_owned(), 2, "", ""),
    ];
    for (text, line, what, help) in cases {
        let found = failure(entries(&text));
        assert_eq!(found.code, "market-malformed");
        assert!(found.what.starts_with(&format!("market.toml:{line}: ")), "{found}\n{text}");
        assert!(found.what.contains(what), "{found}");
        assert!(found.help.contains(help), "{found}");
    }
    let bad_version = failure(entries(&starter("audit", "").replace("\"1.2\"", "\"latest\"")));
    assert!(bad_version.what.starts_with("market.toml:5: `latest` is no range of versions"), "{bad_version}");
    let nowhere = failure(entries(&starter("audit", "").replace("version = \"1.2\"\n", "")));
    assert!(nowhere.what.contains("nothing says where the starter `audit` comes from"), "{nowhere}");
}

#[test]
fn a_list_of_another_version_is_refused_before_anything_in_it_is_read() {
    let root = Root::Folder(Path::new("/"));
    let later = failure(parse("version = 2\n[[thing]]\nname = 1", "m.toml", root));
    assert!(later.what.contains("m.toml:1: the list is of version 2"), "{later}");
    assert!(later.help.contains("newer tool"), "{later}");
    let none = failure(parse("# nothing\n", "m.toml", root));
    assert!(none.help.contains("version = 1"), "{none}");
}

#[test]
fn what_is_written_is_read_as_it_was() {
    let more = "provides = [\"Audit<T>\"]\nneeds = [\"sql\"]\nexcludes = [\"spy\"]\n\
                settings = [{ key = \"a.b\", kind = \"text\", default = '\"x\"', help = 'Say \"when\", \\ and ü' }]\n\
                module_settings = [{ key = \"level\", kind = \"text\", required = true }]\n\
                features = { \"a-b\" = \"TLS\", \"c.d\" = \"two words\" }\nlinks = { docs = \"https://docs.rs/audit\" }";
    let read = entries(&(starter("audit", more) + &starter("plain", "path = \"plain\""))).unwrap();
    let made: Vec<_> = read
        .iter()
        .map(|entry| Made { entry: entry.clone(), path: (entry.name == "plain").then(|| "plain".to_owned()) })
        .collect();
    let text = render(&made);
    assert_eq!(parse(&text, "m", Root::Folder(Path::new("/lists"))).unwrap(), read);
}

#[test]
fn a_commit_is_all_of_its_digits() {
    assert!(is_commit(COMMIT) && is_commit(&"a".repeat(64)));
    assert!(!is_commit("main") && !is_commit(&COMMIT[..39]) && !is_commit(&COMMIT.to_uppercase()));
}

#[test]
fn the_list_that_comes_with_the_tool_is_a_list() {
    let market = Market::open(None, &[]).unwrap();
    let [own] = market.lists.as_slice() else { panic!("one list: {market:?}") };
    assert_eq!(own.name, BUILT_IN);
    let mut names: Vec<_> = own.entries.iter().map(|entry| entry.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["admin", "cache", "http", "metrics", "schedule", "sql", "telemetry"]);
    assert!(own.entries.iter().all(|entry| !entry.source.is_third_party()));
    assert!(own.entries.iter().all(|entry| entry.bedplate.matches(&super::super::own_version())));
}
