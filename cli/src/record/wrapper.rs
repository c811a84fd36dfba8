//! What cargo runs in place of rustc: records the call, then makes it, or the part of it that is needed.
//!
//! A module's code is generated once, in its replay: here it is only checked. The base's own crate is
//! only checked too, since its link in a bundle is another one.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::record::Call;

/// Names the folder that calls are recorded in; set for cargo alone, and what makes this program a wrapper.
const CALLS: &str = "BEDPLATE_TOOL_CALLS";
/// The manifests' folders of the crates that nothing but the base depends on, as a list of paths.
const LEAVES: &str = "BEDPLATE_TOOL_LEAVES";
/// The manifest's folder and the binary of the base, as a list of two.
const BASE: &str = "BEDPLATE_TOOL_BASE";
/// The prefixes to remap, as `from=to`, a line each.
const REMAP: &str = "BEDPLATE_TOOL_REMAP";
/// The wrapper that the user has set, such as a compiler cache.
const INNER: &str = "BEDPLATE_TOOL_INNER";

/// Where and what to record; handed from the tool to itself through the environment.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    /// The folder of the recorded calls.
    pub(crate) calls: PathBuf,
    /// Folders of the modules that nothing but the base depends on.
    pub(crate) leaves: Vec<PathBuf>,
    /// The folder of the base's package.
    pub(crate) base: PathBuf,
    /// The base's binary.
    pub(crate) binary: String,
    /// Prefixes of paths, and what stands for them in what is built.
    pub(crate) remap: Vec<(PathBuf, String)>,
}

impl Recording {
    /// Lets a cargo command record its calls.
    pub(crate) fn apply(&self, cargo: &mut Command) -> Result<()> {
        let tool = env::current_exe().context("the tool's own path cannot be read")?;
        if let Some(inner) = env::var_os("RUSTC_WRAPPER").filter(|inner| !inner.is_empty()) {
            cargo.env(INNER, inner);
        }
        cargo
            .env("RUSTC_WRAPPER", tool)
            .env(CALLS, &self.calls)
            .env(LEAVES, env::join_paths(&self.leaves).context("a module's folder has a colon in its path")?)
            .env(BASE, env::join_paths([self.base.as_os_str(), self.binary.as_ref()])?)
            .env(REMAP, remap_lines(&self.remap));
        Ok(())
    }

    /// The recorded call of a library, by the stem of its file.
    pub(crate) fn library(calls: &Path, stem: &str) -> PathBuf {
        calls.join(format!("{stem}.json"))
    }

    /// The recorded call of the base's binary.
    pub(crate) fn executable(calls: &Path) -> PathBuf {
        calls.join("base.json")
    }

    fn from_environment() -> Option<Self> {
        let mut base = env::split_paths(&env::var_os(BASE)?).collect::<Vec<_>>().into_iter();
        Some(Self {
            calls: env::var_os(CALLS)?.into(),
            leaves: env::split_paths(&env::var_os(LEAVES)?).collect(),
            base: base.next()?,
            binary: base.next()?.to_str()?.to_owned(),
            remap: env::var(REMAP).ok()?.lines().filter_map(parse_remap).collect(),
        })
    }
}

fn remap_lines(remap: &[(PathBuf, String)]) -> String {
    remap.iter().map(|(from, to)| format!("{}={to}", from.display())).collect::<Vec<_>>().join("\n")
}

fn parse_remap(line: &str) -> Option<(PathBuf, String)> {
    line.rsplit_once('=').map(|(from, to)| (from.into(), to.to_owned()))
}

/// The arguments that remap paths: what is built in one folder is then what is built in another. What
/// the compiler says to people keeps its paths.
pub(crate) fn remap_arguments(remap: &[(PathBuf, String)]) -> Vec<String> {
    remap.iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect()
}

/// Runs as the wrapper where cargo asks for it; `None` where this process is not one.
pub(crate) fn run() -> Option<ExitCode> {
    let recording = Recording::from_environment()?;
    let mut arguments = env::args_os().skip(1);
    let rustc = PathBuf::from(arguments.next()?);
    let arguments: Option<Vec<_>> = arguments.map(|argument| argument.into_string().ok()).collect();
    let Some(arguments) = arguments else {
        report("an argument of rustc is no text");
        return Some(ExitCode::FAILURE);
    };
    let call = match Call::of_process(rustc, arguments) {
        Ok(call) => call,
        Err(error) => {
            report(&format!("{error:#}"));
            return Some(ExitCode::FAILURE);
        }
    };
    Some(compile(&recording, &call).unwrap_or_else(|error| {
        report(&format!("{error:#}"));
        ExitCode::FAILURE
    }))
}

fn report(text: &str) {
    eprintln!("error: cargo-bedplate, in place of rustc: {text}");
}

fn compile(recording: &Recording, call: &Call) -> Result<ExitCode> {
    // cargo's questions to the compiler name no package.
    let is_package = call.environment.contains_key("CARGO_PKG_NAME") && call.root().is_some();
    let is_library = is_package && call.crate_types().any(|kind| kind == "lib" || kind == "rlib");
    let package = call.environment.get("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let is_base =
        is_package && package == recording.base && call.environment.get("CARGO_BIN_NAME") == Some(&recording.binary);
    if is_base {
        call.write(&Recording::executable(&recording.calls))?;
        return check_base(recording, call);
    }
    let mut arguments = call.arguments.clone();
    // A crate's metadata names the procedural macros that it uses, by a hash over theirs.
    let is_macro = is_package && call.crate_types().any(|kind| kind == "proc-macro");
    if is_library || is_macro {
        arguments.extend(remap_arguments(&recording.remap));
    }
    if !is_library {
        // A build script, a procedural macro, or a question to the compiler.
        return spawn(call, arguments);
    }
    let stem = format!("lib{}{}", call.crate_name(), call.extra_filename());
    call.write(&Recording::library(&recording.calls, &stem))?;
    if !recording.leaves.contains(&package) {
        return spawn(call, arguments);
    }
    let out = call.out_dir().context("a library has an --out-dir")?;
    check(call, arguments, &out.join(format!("{stem}.rlib")))
}

/// Checks the base's binary. It names every module, and of those only the metadata is there.
fn check_base(recording: &Recording, call: &Call) -> Result<ExitCode> {
    let mut arguments: Vec<_> = call.arguments.iter().map(|argument| as_metadata(argument)).collect();
    arguments.extend(remap_arguments(&recording.remap));
    let out = call.out_dir().context("a binary has an --out-dir")?;
    check(call, arguments, &out.join(format!("{}{}", call.crate_name(), call.extra_filename())))
}

/// `name=path/libx.rlib` with the metadata beside it, where there is some.
fn as_metadata(argument: &str) -> String {
    match argument.strip_suffix(".rlib").map(|stem| format!("{stem}.rmeta")) {
        Some(metadata) if metadata.split_once('=').is_some_and(|(_, path)| Path::new(path).exists()) => metadata,
        _ => argument.to_owned(),
    }
}

/// Checks a crate, and leaves a placeholder where cargo expects the output.
fn check(call: &Call, arguments: Vec<String>, output: &Path) -> Result<ExitCode> {
    let arguments = arguments
        .into_iter()
        .map(|argument| match argument.starts_with("--emit=") {
            true => "--emit=dep-info,metadata".to_owned(),
            false => argument,
        })
        .collect();
    let status = spawn(call, arguments)?;
    if status == ExitCode::SUCCESS {
        fs::write(output, "").with_context(|| format!("{} cannot be written", output.display()))?;
    }
    Ok(status)
}

/// Runs the compiler, through the user's own wrapper where there is one.
fn spawn(call: &Call, arguments: Vec<String>) -> Result<ExitCode> {
    let mut command = match env::var_os(INNER) {
        Some(inner) => {
            let mut command = Command::new(inner);
            command.arg(&call.rustc);
            command
        }
        None => Command::new(&call.rustc),
    };
    for name in [CALLS, LEAVES, BASE, REMAP, INNER] {
        command.env_remove(name);
    }
    let status = command.args(arguments).status().with_context(|| format!("{} cannot be run", call.rustc.display()))?;
    Ok(match status.code() {
        Some(0) => ExitCode::SUCCESS,
        code => ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(101)),
    })
}
