//! What clippy finds in the modules: threads, exits, hooks, and tasks that belong to nobody.

use std::collections::BTreeMap;
use std::fs;
use std::io::BufReader;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use cargo_metadata::Message;
use cargo_metadata::diagnostic::Diagnostic;

use crate::failure::Failure;
use crate::order::check::packages::Packages;
use crate::order::check::violation::Violation;
use crate::output::Output;
use crate::workspace::Workspace;

/// What a project begins with: what modules may not call.
pub(crate) const LIST: &str = include_str!("../../../templates/clippy.toml");

/// The lint that does the work.
const LINT: &str = "clippy::disallowed_methods";

/// What came of it.
pub(super) enum Looked {
    At(Vec<Violation>),
    /// It could not, and why.
    Not(String),
}

/// Runs clippy over the modules, with the project's list of what they may not call, or that of the template.
pub(super) fn check(workspace: &Workspace, packages: &Packages<'_>, output: Output) -> Result<Looked> {
    if packages.modules.is_empty() {
        return Ok(Looked::At(Vec::new()));
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let has_clippy = Command::new(&cargo).args(["clippy", "--version"]).output().is_ok_and(|out| out.status.success());
    if !has_clippy {
        return Ok(Looked::Not(
            "clippy is not installed (`rustup component add clippy`): threads, exits, hooks and tasks were not looked for"
                .to_owned(),
        ));
    }
    let folder = workspace.output.join("check");
    let list = list(&workspace.root)?;
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(folder.join("clippy.toml"), list))
        .with_context(|| format!("{} cannot be written", folder.display()))?;
    let mut clippy = Command::new(cargo);
    clippy.args(["clippy", "--lib", "--message-format", "json"]).current_dir(&workspace.root);
    let helpers = packages.modules.iter().flat_map(|module| packages.helpers(module));
    let looked: BTreeMap<_, _> =
        packages.modules.iter().copied().chain(helpers).map(|package| (&package.id, package.name.as_str())).collect();
    for id in looked.keys() {
        // By its id: a name may be there in two versions.
        clippy.args(["-p", &id.repr]);
    }
    // Apart from what people build: other lints would compile the modules anew for both.
    clippy.arg("--target-dir").arg(folder.join("target"));
    clippy.args(["--", "--cap-lints", "warn", "-A", "clippy::all", "-W", LINT]);
    clippy.env("CLIPPY_CONF_DIR", &folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    let progress = output.progress("clippy looks at the modules");
    let mut running = clippy.spawn().context("cargo cannot be run")?;
    // Both are read at once: neither may fill up.
    let errors = running.stderr.take().context("it is piped")?;
    let errors = std::thread::spawn(move || std::io::read_to_string(errors).unwrap_or_default());
    let mut found = Vec::new();
    for message in Message::parse_stream(BufReader::new(running.stdout.take().context("it is piped")?)) {
        let Ok(Message::CompilerMessage(told)) = message else { continue };
        let Some(package) = looked.get(&told.package_id) else { continue };
        found.extend(violation(package, &told.message));
    }
    let status = running.wait().context("cargo cannot be waited for")?;
    progress.finish_and_clear();
    if !status.success() {
        let errors = errors.join().unwrap_or_default();
        return Err(Failure::error(
            "clippy-failed",
            format!("clippy could not look at the modules:\n{}", errors.trim_end()),
            "mend what it names, or leave it out: --no-clippy",
        ));
    }
    Ok(Looked::At(found))
}

/// The project's own list, where it has one.
fn list(root: &Path) -> Result<String> {
    for name in ["clippy.toml", ".clippy.toml"] {
        let file = root.join(name);
        if !file.exists() {
            continue;
        }
        let text = fs::read_to_string(&file).with_context(|| format!("{} cannot be read", file.display()))?;
        if text.contains("disallowed-methods") {
            return Ok(text);
        }
    }
    Ok(LIST.to_owned())
}

fn violation(package: &str, told: &Diagnostic) -> Option<Violation> {
    if told.code.as_ref()?.code != LINT {
        return None;
    }
    let span = told.spans.iter().find(|span| span.is_primary)?;
    let called = told.message.rsplit('`').nth(1).unwrap_or("what it may not call");
    let reason = told.children.iter().find_map(|child| (child.spans.is_empty()).then(|| child.message.clone()));
    Some(Violation::new(
        "disallowed-call",
        format!("{package}: {called} in {}", span.file_name),
        format!("`{package}` calls `{called}`"),
        format!("{}:{}", span.file_name, span.line_start),
        reason.filter(|reason| !reason.starts_with("for further information")).unwrap_or_default(),
    ))
}
