//! Does what a guide says, from an empty folder on.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bedplate_tests::place::{self, Place as Folder};
use bedplate_tests::process::{PATIENCE, free_address};
use bedplate_tests::tool;

use crate::markdown::{Guide, Place, What};
use crate::shell::Shell;

/// Guides make packages of the same names, and share what they are built into: cargo tells them apart by time alone.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Between two looks at a base that is changing.
const PAUSE: Duration = Duration::from_millis(50);

/// The addresses that guides speak of, and those that are used in their place: theirs may be taken.
struct Addresses {
    http: SocketAddr,
    admin: SocketAddr,
}

impl Addresses {
    fn used(&self, text: &str) -> String {
        let text = text.replace("127.0.0.1:8080", &self.http.to_string());
        text.replace("127.0.0.1:9090", &self.admin.to_string())
    }
}

/// Follows a guide.
pub(crate) fn follow(guide: &Guide) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let (folder, logs) = (Folder::new(), Folder::new());
    let addresses = Addresses { http: free_address(), admin: free_address() };
    let mut bash = tool::shell(folder.folder(), &place::target(), logs.folder());
    bash.env(place::LEAN.0, place::LEAN.1).env("HOME", folder.folder());
    bash.env("BEDPLATE__STARTERS__HTTP__ADDRESS", addresses.http.to_string());
    bash.env("BEDPLATE__STARTERS__ADMIN__ADDRESS", addresses.admin.to_string());
    let mut shell = Shell::start(bash, logs.folder());
    let mut here = folder.folder().to_owned();
    for step in &guide.steps {
        let place = &step.place;
        match &step.what {
            What::Write { file, place: at, text } => {
                let written = write(&here.join(file), at, text);
                written.unwrap_or_else(|what| panic!("{place}: {}: {what}", file.display()));
            }
            What::Run { command, shown } => {
                eprintln!("{place}: {command}");
                run(&mut shell, &addresses, place, command, shown);
                here = shell.run("true").folder;
            }
        }
    }
    shell.end_beside();
}

fn run(shell: &mut Shell, addresses: &Addresses, place: &str, command: &str, shown: &[String]) {
    let command = addresses.used(command.split(" # ").next().unwrap_or(command).trim_end());
    // The tool is there: it is what is tested.
    if command.starts_with("cargo install --locked --path cli") {
        return;
    }
    if let Some(server) = server(&command) {
        assert!(shown.is_empty(), "{place}: what runs beside says nothing here");
        return shell.serve(server, addresses.admin);
    }
    if command == "kill %1" {
        return shell.end_beside();
    }
    let shown: Vec<_> = shown.iter().map(|line| addresses.used(line)).collect();
    let since = Instant::now();
    loop {
        let said = shell.run(&command);
        let missing = missing(&shown, &said.text);
        if said.status == 0 && missing.is_none() {
            return;
        }
        // A base that has been changed says so a moment later.
        if !(shell.is_serving() && looks(&command)) || since.elapsed() > PATIENCE {
            let missing = missing.map(|line| format!(", and does not say `{line}`")).unwrap_or_default();
            panic!("{place}: `{command}` ends with {}{missing}:\n{}\n{}", said.status, said.text, shell.log());
        }
        std::thread::sleep(PAUSE);
    }
}

/// What a command starts that runs until it is ended.
fn server(command: &str) -> Option<&str> {
    match command.strip_suffix(" &") {
        Some(command) => Some(command),
        None => command.starts_with("cargo bedplate dev").then_some(command),
    }
}

/// Whether a command only looks at a base that runs.
fn looks(command: &str) -> bool {
    let names = ["curl", "status", "history", "inflight", "logs", "ready", "routes"];
    command.split_whitespace().any(|word| names.contains(&word))
}

/// The first of the lines that does not stand in a text, after those before it. `…` stands for anything.
fn missing<'s>(shown: &'s [String], text: &str) -> Option<&'s str> {
    let mut lines = text.lines();
    let mut shown = shown.iter().map(|line| line.trim_end()).filter(|line| !line.is_empty() && *line != "…");
    shown.find(|shown| !lines.any(|line| is_like(shown, line.trim_end())))
}

fn is_like(shown: &str, line: &str) -> bool {
    let parts: Vec<_> = shown.split('…').collect();
    let Some((first, rest)) = parts.split_first() else { return true };
    let Some(mut line) = line.strip_prefix(first) else { return false };
    let Some((last, between)) = rest.split_last() else { return line.is_empty() };
    for part in between {
        match line.split_once(part) {
            Some((_, after)) => line = after,
            None => return false,
        }
    }
    line.ends_with(last)
}

/// Writes what a guide says into a file.
fn write(file: &Path, place: &Place, text: &str) -> Result<(), String> {
    let text = match place {
        Place::Whole => text.to_owned(),
        _ => {
            let before = fs::read_to_string(file).map_err(|error| error.to_string())?;
            placed(&before, place, text)?
        }
    };
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    }
    fs::write(file, text).map_err(|error| error.to_string())
}

fn placed(before: &str, place: &Place, text: &str) -> Result<String, String> {
    let at = match place {
        Place::Whole => return Ok(text.to_owned()),
        Place::End => return Ok(format!("{before}\n{text}")),
        Place::Below(line) | Place::Instead(line) => line,
    };
    let is_it = |line: &&str| line.trim() == at.trim();
    if before.lines().filter(is_it).count() != 1 {
        return Err(format!("`{at}` is not there once:\n{before}"));
    }
    let (kept, text) = match place {
        Place::Instead(_) => ("", text.to_owned()),
        _ => (at.as_str(), format!("\n{text}")),
    };
    let lines = before.lines().map(|line| match is_it(&line) {
        true if kept.is_empty() => text.clone(),
        true => format!("{line}{text}"),
        false => format!("{line}\n"),
    });
    Ok(lines.collect())
}

mod tests {
    use super::*;

    #[test]
    fn what_is_shown_stands_in_what_is_said() {
        let said = "   Compiling a\nserves after 12 ms, in all\n\ndone\n";
        let shown = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
        assert_eq!(missing(&shown(&["serves after … ms, …", "…", "done"]), said), None);
        assert_eq!(missing(&shown(&["serves after … ms, …", "done"]), said), None);
        assert_eq!(missing(&shown(&["done", "serves …"]), said), Some("serves …"));
        assert_eq!(missing(&shown(&["serves after 12 ms"]), said), Some("serves after 12 ms"));
    }

    #[test]
    fn a_text_goes_where_the_guide_says() {
        let file = "one\n  two\nthree\n";
        let placed = |place: Place| placed(file, &place, "new\n").unwrap();
        assert_eq!(placed(Place::End), "one\n  two\nthree\n\nnew\n");
        assert_eq!(placed(Place::Below("two".into())), "one\n  two\nnew\nthree\n");
        assert_eq!(placed(Place::Instead("two".into())), "one\nnew\nthree\n");
        assert!(super::placed(file, &Place::Below("four".into()), "new\n").is_err());
    }
}
