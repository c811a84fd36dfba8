//! Lists that the command line names: files and folders, and what is wrong with them.

use crate::rig::{Project, list_of};

#[test]
fn a_list_is_a_file_or_a_folder() {
    let project = Project::new();
    project.write("one.toml", &list_of(&["audit"]));
    project.write("two/market.toml", &list_of(&["mail"]));
    project.write("two/notes.toml", "this is no list");
    project.write("three/a.toml", &list_of(&["print"]));
    project.write("three/b.toml", &list_of(&["scan"]));
    let lists = ["--list", "../one.toml", "--list", "../two", "--list", "printers=../three"];
    let told = project.json(&[&["list"][..], &lists].concat());
    let shown: Vec<_> = told["lists"].as_array().unwrap()[1..]
        .iter()
        .map(|list| {
            let names = list["starters"].as_array().unwrap().iter().map(|starter| starter["name"].as_str().unwrap());
            (list["name"].as_str().unwrap(), names.collect::<Vec<_>>())
        })
        .collect();
    assert_eq!(shown, [("one", vec!["audit"]), ("two", vec!["mail"]), ("printers", vec!["print", "scan"])]);
}

#[test]
fn two_lists_with_one_name_are_refused() {
    let project = Project::new();
    project.write("a/company.toml", &list_of(&["audit"]));
    project.write("b/company.toml", &list_of(&["mail"]));
    let both = ["list", "--list", "../a/company.toml", "--list", "../b/company.toml"];
    project.market(&both).refused(&["two lists `company`", "a/company.toml", "b/company.toml", "--list NAME="]);
    project.market(&["list", "--list", "bedplate=../a/company.toml"]).refused(&["the list that comes with the tool"]);
    project.market(&["list", "--list", "a=../a/company.toml", "--list", "../b/company.toml"]).says(&["audit", "mail"]);
}

#[test]
fn a_list_that_is_not_there_or_is_no_list_is_refused_with_its_place() {
    let project = Project::new();
    let list = |place: &str| project.market(&["list", "--list", place]);
    list("../absent.toml").refused(&["the list `absent` cannot be read", "absent.toml"]);
    project.write("empty/notes.txt", "");
    list("../empty").refused(&["holds no list", "market.toml"]);
    project.write("broken.toml", "version = 1\n[[starter]\n");
    list("../broken.toml").refused(&["broken.toml:2: "]);
    project.write("unknown.toml", &list_of(&["audit"]).replace("group", "gruop"));
    list("../unknown.toml").refused(&["unknown.toml:8: unknown key `gruop`", "did you mean `group`?"]);
    project.write("later.toml", "version = 7\n");
    list("../later.toml").refused(&["later.toml:1: the list is of version 7", "newer tool"]);
    std::fs::write(project.path("binary.toml"), [0xff, 0xfe, 0]).unwrap();
    list("../binary.toml").refused(&["binary.toml: the file is no text"]);
    project.write("twice/a.toml", &list_of(&["audit"]));
    project.write("twice/b.toml", &list_of(&["audit"]));
    list("../twice").refused(&["b.toml: the starter `audit` is there twice", "a.toml"]);
    let told = project.market(&["list", "--json", "--list", "../broken.toml"]);
    assert_eq!((told.status, told.json()["error"]["code"].as_str()), (1, Some("market-malformed")));
}

#[test]
fn a_digest_on_the_command_line_is_held_to() {
    let project = Project::new();
    let text = list_of(&["audit"]);
    project.write("company.toml", &text);
    let digest = project.json(&["use", "company", "--file", "../company.toml"])["pin"].as_str().unwrap().to_owned();
    project.market(&["forget", "company"]).says(&["company"]);
    project.market(&["list", "--list", &format!("../company.toml#{digest}")]).says(&["audit"]);
    project.write("company.toml", &format!("{text}# changed\n"));
    let pinned = format!("../company.toml#{digest}");
    project.market(&["list", "--list", &pinned]).refused(&["not what it was pinned to", &digest, "found:"]);
}
