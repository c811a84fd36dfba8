//! What a guide tells its reader to do, in order: commands, and files.

use std::path::PathBuf;

/// A guide, as steps.
#[derive(Debug)]
pub(crate) struct Guide {
    pub(crate) steps: Vec<Step>,
}

/// One step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The file and line of the guide.
    pub(crate) place: String,
    pub(crate) what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Run a command; these lines of what it says are shown.
    Run { command: String, shown: Vec<String> },
    /// Write a file, or into one.
    Write { file: PathBuf, place: Place, text: String },
}

/// Where a text goes in a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is the file.
    Whole,
    /// After what is there.
    End,
    /// After this line, which is there once.
    Below(String),
    /// In the place of this line, which is there once.
    Instead(String),
}

impl Guide {
    /// Reads a guide.
    ///
    /// # Panics
    ///
    /// Where it has a block that it does not say what to do with.
    pub(crate) fn parse(name: &str, text: &str) -> Self {
        let mut steps = Vec::new();
        let mut lines = text.lines().enumerate();
        let mut before = "";
        while let Some((index, line)) = lines.next() {
            let Some(language) = line.trim_start().strip_prefix("```") else {
                if !line.trim().is_empty() {
                    before = line.trim();
                }
                continue;
            };
            let indent = line.len() - line.trim_start().len();
            let block: Vec<_> = lines
                .by_ref()
                .map(|(_, line)| line)
                .take_while(|line| line.trim() != "```")
                .map(|line| line.get(indent..).unwrap_or_default())
                .collect();
            let line = index + 1;
            match language {
                "sh" => steps.extend(commands(&block, line).map(|(line, command)| Step {
                    place: format!("{name}:{line}"),
                    what: What::Run { command, shown: Vec::new() },
                })),
                "console" => steps.extend(session(name, &block, line)),
                "rust" | "toml" | "sql" => {
                    let (file, place) = target(before).unwrap_or_else(|| {
                        panic!(
                            "{name}:{line}: the line before the block does not say which file it is: `path/to/file`:"
                        )
                    });
                    let text = block.iter().flat_map(|line| [line, "\n"]).collect();
                    let what = What::Write { file, place, text };
                    steps.push(Step { place: format!("{name}:{line}"), what });
                }
                "text" | "mermaid" => {}
                other => panic!("{name}:{line}: a block of `{other}`: nobody knows what to do with it"),
            }
            before = "";
        }
        Self { steps }
    }

    /// Adds what another guide says, for the same folder.
    pub(crate) fn go_on(&mut self, with: Self) {
        self.steps.extend(with.steps);
    }
}

/// The commands of a script, each with its line. One that ends with `\` goes on in the next line.
fn commands(block: &[&str], first: usize) -> impl Iterator<Item = (usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut goes_on = false;
    for (index, line) in block.iter().enumerate() {
        match found.last_mut() {
            Some((_, command)) if goes_on => command.push_str(&format!("\n{line}")),
            _ if line.trim().is_empty() || line.trim_start().starts_with('#') => continue,
            _ => found.push((first + 1 + index, (*line).to_owned())),
        }
        goes_on = line.ends_with('\\');
    }
    found.into_iter()
}

/// A session: what follows `$ ` is a command, all else is what the one before says.
fn session(name: &str, block: &[&str], first: usize) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut goes_on = false;
    for (index, line) in block.iter().enumerate() {
        let line_number = first + 1 + index;
        let last = steps.last_mut().map(|step| &mut step.what);
        if let Some(command) = line.strip_prefix("$ ") {
            let what = What::Run { command: command.to_owned(), shown: Vec::new() };
            steps.push(Step { place: format!("{name}:{line_number}"), what });
            goes_on = line.ends_with('\\');
        } else if let Some(What::Run { command, shown }) = last {
            match goes_on {
                true => command.push_str(&format!("\n{line}")),
                false => shown.push((*line).to_owned()),
            }
            goes_on = goes_on && line.ends_with('\\');
        } else {
            panic!("{name}:{line_number}: a session begins with `$ ` and a command");
        }
    }
    steps
}

/// The file that a line before a block names: `` `path`: ``, `` `path`, at the end: ``, `` `path`, below `line`: `` or
/// `` `path`, in place of `line`: ``.
fn target(before: &str) -> Option<(PathBuf, Place)> {
    let (file, rest) = before.strip_prefix('`')?.split_once('`')?;
    let line = |rest: &str| rest.strip_suffix("`:").map(str::to_owned);
    let place = match rest {
        ":" => Place::Whole,
        ", at the end:" => Place::End,
        _ => match (rest.strip_prefix(", below `"), rest.strip_prefix(", in place of `")) {
            (Some(rest), _) => Place::Below(line(rest)?),
            (_, Some(rest)) => Place::Instead(line(rest)?),
            _ => return None,
        },
    };
    Some((file.into(), place))
}

/// The part of a text from this heading to the next one.
///
/// # Panics
///
/// Where there is no such heading.
pub(crate) fn section<'t>(text: &'t str, heading: &str) -> &'t str {
    let begin = text.find(&format!("{heading}\n")).unwrap_or_else(|| panic!("there is no `{heading}`")) + heading.len();
    let length = text[begin..].find("\n## ").unwrap_or(text.len() - begin);
    &text[begin..begin + length]
}

mod tests {
    use super::*;

    fn run(line: usize, command: &str, shown: &[&str]) -> Step {
        let shown = shown.iter().map(|line| (*line).to_owned()).collect();
        Step { place: format!("a guide:{line}"), what: What::Run { command: command.to_owned(), shown } }
    }

    #[test]
    fn commands_sessions_and_files_are_steps() {
        let text = "Do:\n```sh\ncd shop     # there\n\n# not this\nls \\\n  -l\n```\n`a/b.rs`, below `one`:\n\n```rust\ntwo\n```\n- And:\n  ```console\n  $ ls\n  a\n  …\n  $ pwd\n  ```\n```text\nno\n```\n";
        let steps = Guide::parse("a guide", text).steps;
        assert_eq!(steps[..2], [run(3, "cd shop     # there", &[]), run(6, "ls \\\n  -l", &[])]);
        let what = What::Write { file: "a/b.rs".into(), place: Place::Below("one".into()), text: "two\n".into() };
        assert_eq!(steps[2], Step { place: "a guide:11".to_owned(), what });
        assert_eq!(steps[3..], [run(16, "ls", &["a", "…"]), run(19, "pwd", &[])]);
    }

    #[test]
    #[should_panic = "nobody knows what to do with it"]
    fn a_block_of_an_unknown_language_is_refused() {
        Guide::parse("a guide", "```bash\nls\n```\n");
    }

    #[test]
    #[should_panic = "a guide:2: the line before the block does not say which file"]
    fn a_file_without_a_name_is_refused() {
        Guide::parse("a guide", "In the file:\n```rust\nfn main() {}\n```\n");
    }

    #[test]
    fn a_section_ends_at_the_next_one() {
        assert_eq!(section("# A\n## B\nb\n### C\nc\n## D\nd\n", "## B"), "\nb\n### C\nc");
    }
}
