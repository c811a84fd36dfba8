//! What every link of the tool has in common: arguments from a recorded call, and the run.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::failure::Failure;
use crate::record::Call;

/// The arguments of a call that a link of its own keeps: edition, features, code generation, lints,
/// folders of libraries. Left out are names, outputs, dependencies and the form of messages.
pub(crate) fn kept(call: &Call) -> Vec<String> {
    let mut kept = Vec::new();
    let mut arguments = call.arguments.iter().peekable();
    while let Some(argument) = arguments.next() {
        let (name, joined) =
            argument.split_once('=').map_or((argument.as_str(), None), |(name, value)| (name, Some(value)));
        match name {
            "--crate-name" | "--crate-type" | "--emit" | "--out-dir" | "-o" | "--extern" | "--error-format"
            | "--json" | "--diagnostic-width" | "--color" => {
                if joined.is_none() {
                    arguments.next();
                }
            }
            "-C" | "--codegen" => {
                let option = joined.map(str::to_owned).or_else(|| arguments.next().cloned()).unwrap_or_default();
                if is_kept(&option) {
                    kept.extend(["-C".to_owned(), option]);
                }
            }
            "-L" | "-l" | "--cfg" | "--check-cfg" | "--edition" | "--target" | "--cap-lints" | "-W" | "-D" | "-A"
            | "-F" => {
                kept.push(argument.clone());
                if joined.is_none() || name.len() == 2 {
                    kept.extend(arguments.next().cloned());
                }
            }
            _ if Some(argument.as_str()) == call.root() => {}
            _ => kept.push(argument.clone()),
        }
    }
    kept
}

fn is_kept(option: &str) -> bool {
    let name = option.split('=').next().unwrap_or(option);
    !matches!(
        name,
        "metadata" | "extra-filename" | "incremental" | "prefer-dynamic" | "linker-plugin-lto" | "lto" | "strip"
    )
}

/// Arguments for the linker, where the target is like Linux's: a build id, nothing left undefined, and
/// names of sections that mean the object's own.
pub(crate) fn linker_arguments(target: &str) -> Vec<String> {
    let link = |argument: &str| ["-C".to_owned(), format!("link-arg=-Wl,{argument}")];
    if target.contains("apple") {
        return link("-undefined,error").to_vec();
    }
    ["--build-id=sha1", "-z,defs", "-z,start-stop-visibility=hidden"]
        .iter()
        .flat_map(|argument| link(argument))
        .collect()
}

/// Runs the compiler; what it says is part of the error.
pub(crate) fn run(command: &mut Command, what: &str) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .output()
        .with_context(|| format!("rustc cannot be run for {what}"))?;
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let code = output.status.code().map_or_else(|| "a signal".to_owned(), |code| format!("status {code}"));
    Err(Failure::error(
        "does-not-compile",
        if messages.is_empty() {
            format!("{what} does not compile ({code})")
        } else {
            format!("{what} does not compile\n{messages}")
        },
        "mend what the compiler names",
    ))
}

/// The path as an argument.
pub(crate) fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("the path {} is no text", path.display()))
}
